import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { type Incoming, requestBody } from '../../../src/http/request/incoming-request.ts';

/** A request as Node provides it, as far as a body is concerned. Node's parser would reject some of these. */
const requestOf = (pieces: string[], headers: Record<string, string>): Incoming =>
  Object.assign(Readable.from(pieces.map((piece) => Buffer.from(piece))), {
    headers,
    aborted: false,
    httpVersionMajor: 1,
  }) as unknown as Incoming;

const read = async (incoming: Incoming, maxBytes?: number): Promise<string> => {
  const pieces: Uint8Array[] = [];
  for await (const piece of requestBody(incoming, { maxBytes }).read()) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

test('the bytes are the received ones', async () => {
  expect(await read(requestOf(['ab', '', 'c'], { 'content-length': '3' }), 3)).toBe('abc');
});

test.each(['2', '4'])(
  'a body that differs from its %s announced bytes is truncated, even if the parser accepted it',
  async (length) => {
    await expect(read(requestOf(['abc'], { 'content-length': length }))).rejects.toMatchObject({
      code: 'body-truncated',
    });
  },
);

test('a body that is announced above the limit is rejected before 100 Continue', () => {
  const begin = () => {
    throw new Error('asked for');
  };
  const incoming = requestOf(['abc'], { 'content-length': '3' });
  expect(() => requestBody(incoming, { maxBytes: 2, begin })).toThrow(expect.objectContaining({ code: 'too-large' }));
});

test('a body that turns out to exceed the limit is rejected', async () => {
  const incoming = requestOf(['ab', 'c'], { 'transfer-encoding': 'chunked' });
  await expect(read(incoming, 2)).rejects.toMatchObject({ code: 'too-large' });
});

test('100 Continue is sent when reading starts, and not before', async () => {
  let asked = 0;
  const begin = () => {
    asked += 1;
  };
  const body = requestBody(requestOf(['abc'], { 'content-length': '3' }), { maxBytes: undefined, begin });
  expect(asked).toBe(0);
  for await (const _ of body.read()) expect(asked).toBe(1);
  expect(asked).toBe(1);
});

/** A chunk with its own memory, and one that is a part of a larger buffer. */
const chunks = (): [Buffer, Buffer] => {
  const whole = Buffer.allocUnsafeSlow(4).fill('abcd');
  return [whole, Buffer.allocUnsafeSlow(8).fill('efgh').subarray(0, 4)];
};

test('a reader that releases its chunks has their memory freed one by one, except for shared memory', async () => {
  const given = chunks();
  const headers = { 'content-length': '8' };
  const incoming = Object.assign(Readable.from(given), { headers, aborted: false, httpVersionMajor: 1 });
  const seen: string[] = [];
  for await (const piece of requestBody(incoming as unknown as Incoming, { maxBytes: undefined }).read(true)) {
    seen.push(Buffer.from(piece).toString());
  }
  expect(seen).toEqual(['abcd', 'efgh']);
  expect(given.map(({ byteLength }) => byteLength)).toEqual([0, 4]);
});

test('any other reader may keep its chunks', async () => {
  const given = chunks();
  const headers = { 'content-length': '8' };
  const incoming = Object.assign(Readable.from(given), { headers, aborted: false, httpVersionMajor: 1 });
  const kept: Uint8Array[] = [];
  for await (const piece of requestBody(incoming as unknown as Incoming, { maxBytes: undefined }).read()) {
    kept.push(piece);
  }
  expect(Buffer.concat(kept).toString()).toBe('abcdefgh');
});

test.each<[string, () => number, number, string]>([
  ['no other caller needs the slots', () => 0, 1_000, 'whole'],
  ['its caller presses the others hard', () => 1, 1_000, 'busy'],
  // 754 bytes a second are needed, then 32,818.
  ['its caller presses the others a little', () => 0.01, 10_000, 'whole'],
  ['its caller presses the others more', () => 0.5, 10_000, 'busy'],
  ['its caller presses the others hard, but it is fast', () => 1, 200_000, 'whole'],
])('a slow body while %s', async (_, pressure, bytesPerSecond, outcome) => {
  async function* slowly(): AsyncGenerator<Buffer> {
    for (let piece = 0; piece < 12; piece++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      yield Buffer.alloc(bytesPerSecond / 20);
    }
  }
  const incoming = Object.assign(Readable.from(slowly()), {
    headers: { 'transfer-encoding': 'chunked' },
    aborted: false,
    httpVersionMajor: 1,
  });
  const minThroughput = { windowSeconds: 1, bytesPerSecond: 100 };
  const body = requestBody(incoming as unknown as Incoming, { maxBytes: undefined, minThroughput, pressure });
  const reading = (async () => {
    for await (const piece of body.read()) void piece;
    return 'whole';
  })();
  expect(await reading.catch(({ code }: { code: string }) => code)).toBe(outcome);
});
