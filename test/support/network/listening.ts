import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Servers on loopback for the duration of a test. */
export const createListening = () => {
  const closers: (() => void)[] = [];
  return {
    /** @returns the host and port that it listens on */
    async listen(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
      const server = createServer(handle);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closers.push(() => {
        server.closeAllConnections();
        server.close();
      });
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    /** Registers another action for when they are closed. */
    onClose: (close: () => void) => void closers.push(close),
    close(): void {
      for (const close of closers.splice(0)) close();
    },
  };
};
