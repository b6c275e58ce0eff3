import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:net';

const LISTENING = 'tracing:net.server.listen:asyncEnd';

/** Prints where the function listens, as functions-framework does outside of production. */
const printUrlOnceListening = (): void => {
  const print = (message: unknown): void => {
    unsubscribe(LISTENING, print);
    const address = (message as { server: Server }).server.address();
    if (typeof address === 'object' && address !== null) console.log(`URL: http://localhost:${address.port}/`);
  };
  subscribe(LISTENING, print);
};

/**
 * Keeps stacks and messages of errors out of what Express and functions-framework answer themselves; they read this when the
 * function is loaded, and whenever something fails. The platform does not see to it: NODE_ENV is unset there, or is
 * `development` after a build by Google's buildpack.
 */
export const enterProduction = (env: Record<string, string | undefined>): void => {
  if (env.NODE_ENV === 'production') return;
  env.NODE_ENV = 'production';
  printUrlOnceListening();
};
