import { once } from 'node:events';
import { createServer } from 'node:net';

/** A free port on loopback, for programs that cannot choose one themselves or do not print which one they chose. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
};
