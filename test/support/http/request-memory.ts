/** Prints how many bytes of V8's heap each request of one connection keeps until V8's next full collection. Needs --expose-gc. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getHeapSpaceStatistics } from 'node:v8';
import { createHttpServer } from '../../../src/http/server/http-server.ts';
import { openSocket } from './raw-socket.ts';

const { gc: collectGarbage } = globalThis;
if (collectGarbage === undefined) throw new Error('Run this with --expose-gc.');

const REQUESTS = 2_000;
/** Until then, V8 creates objects that stay, such as compiled code. */
const WARM_UP_REQUESTS = 1_000;

const onRequest = (request: unknown, response: unknown): void => {
  (request as IncomingMessage).resume().on('end', () => (response as ServerResponse).end('ok'));
};
const server = createHttpServer({ onRequest, onCheckContinue: onRequest }, { concurrentStreams: 1 });
const { socket, write } = await openSocket(await server.listen(0, '127.0.0.1'));
socket.setNoDelay(true);
let onAnswer = (): void => undefined;
socket.on('data', () => onAnswer());

const oldBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? 0;

let before = 0;
for (let request = 1; request <= REQUESTS; request += 1) {
  const answered = new Promise<void>((resolve) => {
    onAnswer = resolve;
  });
  await write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na');
  // In the middle of a body, so that this request moves to the old generation.
  if (request % 10 === 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    collectGarbage({ type: 'minor' });
  }
  await write('b');
  await answered;
  if (request === WARM_UP_REQUESTS) {
    collectGarbage();
    before = oldBytes();
  }
}
console.log(JSON.stringify({ keptOfEach: Math.round((oldBytes() - before) / (REQUESTS - WARM_UP_REQUESTS)) }));
process.exit();
