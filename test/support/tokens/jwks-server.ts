import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A JWKS address on loopback that counts its requests. */
export interface JwksServer {
  url: string;
  fetches: number;
  keys: object[];
  status: number;
  headers: Record<string, string>;
  /** Returned instead of the keys. */
  body: string | undefined;
  /** Responses wait for this. */
  gate: Promise<unknown>;
  close(): Promise<void>;
}

export const startJwksServer = async (keys: object[]): Promise<JwksServer> => {
  const server = createServer(async (_, response) => {
    state.fetches += 1;
    await state.gate;
    response.writeHead(state.status, { 'content-type': 'application/json', ...state.headers });
    response.end(state.body ?? JSON.stringify({ keys: state.keys }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const state: JwksServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/certs`,
    fetches: 0,
    keys,
    status: 200,
    headers: { 'cache-control': 'public, max-age=21600, must-revalidate, no-transform' },
    body: undefined,
    gate: Promise.resolve(),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return state;
};
