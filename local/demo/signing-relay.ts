import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** One push that the relay forwarded. */
interface RelayedPush {
  messageId: string;
  deliveryAttempt: number;
  /** The courier's HTTP status, or 0 when the courier did not answer. */
  status: number;
}

export interface SigningRelay {
  url: string;
  pushes: readonly RelayedPush[];
  close(): Promise<void>;
}

interface RelayOptions {
  /** `http://127.0.0.1:PORT/v1/pubsub`. Called for each push, because a courier may restart on another port. */
  target: () => string;
  /** Mints the ID token that Pub/Sub would send. */
  token: () => string;
}

/**
 * Forwards pushes of the Pub/Sub emulator and adds what only the real Pub/Sub sends: an OIDC token of the subscription's
 * service account in `Authorization`, and `deliveryAttempt`. It changes nothing else.
 */
export const startSigningRelay = async ({ target, token }: RelayOptions): Promise<SigningRelay> => {
  const pushes: RelayedPush[] = [];
  const attempts = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const push = JSON.parse((await buffer(request)).toString()) as { message: { messageId: string } };
    const { messageId } = push.message;
    const deliveryAttempt = (attempts.get(messageId) ?? 0) + 1;
    attempts.set(messageId, deliveryAttempt);
    const status = await fetch(target(), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token()}` },
      body: JSON.stringify({ ...push, deliveryAttempt }),
    }).then(
      (answer) => answer.status,
      () => 0,
    );
    pushes.push({ messageId, deliveryAttempt, status });
    response.writeHead(status === 0 ? 502 : status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    pushes,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
