import type { LocalGoogle } from '../google/server.ts';

/** What Pub/Sub pushes, and by whose right. */
interface Push {
  url: string;
  audience: string;
  subscription: string;
  serviceAccount: string;
  message: { data?: string; attributes?: Readonly<Record<string, string>>; messageId: string };
}

/**
 * One push as Pub/Sub sends it (https://cloud.google.com/pubsub/docs/push#receive_push), signed with the subscription's
 * service account. Answers the status: 204 is an acknowledgement.
 */
export const pushMessage = async (
  google: LocalGoogle,
  { url, audience, subscription, serviceAccount, message }: Push,
): Promise<number> => {
  const token = google.world.idToken({ email: serviceAccount, audience });
  const response = await fetch(`${url}/v1/pubsub`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      message: { ...message, message_id: message.messageId, publishTime: new Date().toISOString() },
      subscription,
    }),
  });
  return response.status;
};
