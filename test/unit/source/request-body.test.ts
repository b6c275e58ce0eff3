import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { type Incoming, requestBody } from '../../../src/source/request-body.ts';

/** A request as Node gives it, so far as a body is concerned; its parser would not let some of these through. */
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

test('the bytes are those that came', async () => {
  expect(await read(requestOf(['ab', '', 'c'], { 'content-length': '3' }), 3)).toBe('abc');
});

test.each(['2', '4'])(
  'a body of other than its %s announced bytes is truncated, whatever the parser let through',
  async (length) => {
    await expect(read(requestOf(['abc'], { 'content-length': length }))).rejects.toMatchObject({
      code: 'body-truncated',
    });
  },
);

test('a body announced larger than may be is refused before it is asked for', () => {
  const begin = () => {
    throw new Error('asked for');
  };
  const incoming = requestOf(['abc'], { 'content-length': '3' });
  expect(() => requestBody(incoming, { maxBytes: 2, begin })).toThrow(expect.objectContaining({ code: 'too-large' }));
});

test('a body that proves larger than may be is refused', async () => {
  const incoming = requestOf(['ab', 'c'], { 'transfer-encoding': 'chunked' });
  await expect(read(incoming, 2)).rejects.toMatchObject({ code: 'too-large' });
});

test('the body is asked for once it is read, and no sooner', async () => {
  let asked = 0;
  const begin = () => {
    asked += 1;
  };
  const body = requestBody(requestOf(['abc'], { 'content-length': '3' }), { maxBytes: undefined, begin });
  expect(asked).toBe(0);
  for await (const _ of body.read()) expect(asked).toBe(1);
  expect(asked).toBe(1);
});
