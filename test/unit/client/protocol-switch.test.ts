import { createServer, type AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { createExchange } from '../../../src/client/http/http.ts';

let close = (): void => undefined;
afterEach(() => close());

/** A server that answers each request with a switch to another protocol, which nobody asked for. */
const switching = async (): Promise<string> => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: tea\r\nConnection: Upgrade\r\n\r\n'),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => void server.close();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
};

const streamed = async function* (): AsyncGenerator<Uint8Array> {
  yield Buffer.from('bytes');
};

test.each([
  ['without a body', () => undefined],
  ['with a body in memory', () => Buffer.from('bytes')],
  ['with a streamed body', streamed],
])('a request %s fails if the server switches to another protocol', async (_, body) => {
  const exchange = createExchange({});
  const failed = exchange({ method: 'POST', url: await switching(), body: body() });
  await expect(failed).rejects.toMatchObject({ code: 'ECONNRESET' });
});
