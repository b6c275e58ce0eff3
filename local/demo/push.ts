import type { LocalGoogle } from '../google/server.ts';

/** A push request, and the service account that signs it. */
interface Push {
  url: string;
  audience: string;
  subscription: string;
  serviceAccount: string;
  message: { data?: string; attributes?: Readonly<Record<string, string>>; messageId: string; publishTime?: string };
  /** 32 hex digits (W3C Trace Context); default: none is sent. */
  traceId?: string;
}

/**
 * Sends one push request in Pub/Sub's format (https://cloud.google.com/pubsub/docs/push#receive_push), with an ID token of the
 * subscription's service account. Returns the HTTP status; 204 acknowledges the message.
 */
export const pushMessage = async (
  google: LocalGoogle,
  { url, audience, subscription, serviceAccount, message, traceId }: Push,
): Promise<number> => {
  const token = google.world.idToken({ email: serviceAccount, audience });
  const response = await fetch(`${url}/v1/pubsub`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...(traceId === undefined ? {} : { traceparent: `00-${traceId}-${traceId.slice(16)}-01` }),
    },
    body: JSON.stringify({
      message: { publishTime: new Date().toISOString(), ...message, message_id: message.messageId },
      subscription,
    }),
  });
  return response.status;
};
