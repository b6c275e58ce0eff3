import { Readable } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createHttpServer } from '../../../src/http/server/http-server.ts';
import { createChunkJoiner } from '../../../src/http/server/small-chunks.ts';
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  headerBlock,
  openHttp2,
  requestFields,
} from '../../support/http/http2-frames.ts';

/** A body that is being read, and the chunks that have arrived at its reader. */
const createBody = (join = createChunkJoiner()) => {
  const body = new Readable({ read: () => undefined });
  const read: string[] = [];
  join(body);
  body.on('data', (chunk: Buffer) => read.push(chunk.toString()));
  const push = (text: string, times = 1): boolean => {
    let isMore = true;
    for (let count = 0; count < times; count += 1) isMore = body.push(Buffer.from(text));
    return isMore;
  };
  return { body, read, push };
};

/** A handle that counts how often reading was stopped and started. */
const createHandle = () => {
  const calls: string[] = [];
  return { calls, readStart: () => void calls.push('start'), readStop: () => void calls.push('stop') };
};

const LARGE = 'L'.repeat(4_096);

test('small chunks of one turn of the event loop arrive as one, before the next turn', async () => {
  const { read, push } = createBody();
  await nextTurn();
  push('a', 100);
  push('b', 100);
  expect(read).toEqual([]);
  await nextTurn();
  expect(read).toEqual(['a'.repeat(100) + 'b'.repeat(100)]);
  push('c', 2);
  await nextTurn();
  expect(read.slice(1)).toEqual(['cc']);
});

test('a large chunk and the end arrive at once, and after the small chunks before them', async () => {
  const { body, read, push } = createBody();
  await nextTurn();
  const ended = new Promise((resolve) => body.once('end', resolve));
  push('a', 2);
  push(LARGE);
  expect(read).toEqual(['aa', LARGE]);
  push('b');
  body.push(null);
  expect(read).toEqual(['aa', LARGE, 'b']);
  await ended;
});

test('after many small chunks, nothing more is read in this turn, and nothing is passed on', async () => {
  const { calls, ...handle } = createHandle();
  const { read, push } = createBody(createChunkJoiner(handle));
  await nextTurn();
  expect(push('a', 400)).toBe(true);
  expect(calls).toEqual([]);
  expect(push('a', 9_600)).toBe(false);
  // Node continues to read once a chunk is passed on.
  expect(push(LARGE)).toBe(false);
  expect(read).toEqual([]);
  expect(calls).toEqual(['stop']);
  await sleep(10);
  expect(read).toEqual(['a'.repeat(10_000) + LARGE]);
  expect(calls).toEqual(['stop', 'start']);
  expect(push('b', 10)).toBe(true);
});

test('the small chunks of all bodies on a connection count', async () => {
  const { calls, ...handle } = createHandle();
  const join = createChunkJoiner(handle);
  const bodies = Array.from({ length: 10 }, () => createBody(join));
  await nextTurn();
  for (const { push } of bodies) push('a', 60);
  expect(calls).toEqual(['stop']);
  await sleep(10);
  expect(calls).toEqual(['stop', 'start']);
  for (const { read } of bodies) expect(read).toEqual(['a'.repeat(60)]);
});

test('a body that nobody reads is full with as many bytes as without this', async () => {
  const body = new Readable({ read: () => undefined, highWaterMark: 100 });
  createChunkJoiner()(body);
  const push = (bytes: number): boolean => body.push(Buffer.alloc(bytes));
  expect(push(60)).toBe(true);
  await nextTurn();
  expect(push(39)).toBe(true);
  expect(push(1)).toBe(false);
  await nextTurn();
  expect(body.readableLength).toBe(100);
});

test('the DATA frames that arrive together with the headers of their stream are joined, too', async () => {
  const sizes: number[] = [];
  const ended = Promise.withResolvers<void>();
  const onRequest = (incoming: unknown): void => {
    (incoming as Readable).on('data', ({ length }: Buffer) => sizes.push(length)).on('end', ended.resolve);
  };
  const server = createHttpServer({ onRequest, onCheckContinue: onRequest }, { concurrentStreams: 1 });
  const { socket } = await openHttp2(await server.listen(0, '127.0.0.1'));
  try {
    const headers = frame(FRAME.headers, END_HEADERS, 1, headerBlock(requestFields('POST', '/')));
    const frames = Array.from({ length: 1_000 }, () => frame(FRAME.data, 0, 1, 'a'));
    socket.write(Buffer.concat([headers, ...frames, frame(FRAME.data, END_STREAM, 1, 'z')]));
    await ended.promise;
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_001);
    expect(sizes.length).toBeLessThan(10);
  } finally {
    socket.destroy();
    const closed = server.close();
    server.destroy();
    await closed;
  }
});
