import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalGoogle } from '../../../../local/google/server.ts';
import {
  GRANULE,
  hex,
  MIB,
  noise,
  rangeOf,
  type Sent,
  send,
  startUploadWorld,
  type Uploader,
  type UploadWorld,
} from './uploading.ts';

let uploads: UploadWorld;
let google: LocalGoogle;
let alice: Uploader;
beforeAll(async () => {
  uploads = await startUploadWorld();
  ({ google, alice } = uploads);
});
afterAll(() => uploads.close());

describe('sending to a session', () => {
  const status = (uri: string, total: number | '*' = '*') =>
    send(uri, { headers: { 'content-range': `bytes */${total}` } });
  const summaryOf = ({ status: code, headers, text }: Sent) => [code, headers.range, text];

  test.each(['PUT', 'POST'])('%s: the whole body at once, with no right but the URI', async (method) => {
    const bytes = noise(GRANULE + 17);
    const uri = await alice.session(
      { name: 'whole.bin' },
      { 'x-upload-content-type': 'text/x-whole' },
      '&fields=name,mimeType,size',
    );
    const answer = await send(uri, { method, body: bytes });
    expect([answer.status, answer.body]).toEqual([
      200,
      { name: 'whole.bin', mimeType: 'text/x-whole', size: String(bytes.length) },
    ]);
    expect(answer.headers['content-type']).toMatch('application/json');
  });

  test.each([
    ['known', (total: number) => total],
    ['unknown until the end', () => '*' as const],
  ])('chunk by chunk, the total %s', async (_, totalOf) => {
    const bytes = noise(3 * GRANULE + 100);
    const uri = await alice.session({ name: 'chunks' }, {}, '&fields=id,sha256Checksum');
    for (const [first, last] of [
      [0, GRANULE],
      [GRANULE, 3 * GRANULE],
    ] as const) {
      const piece = bytes.subarray(first, last);
      expect(
        summaryOf(await send(uri, { body: piece, headers: rangeOf(first, piece, totalOf(bytes.length)) })),
      ).toEqual([308, `bytes=0-${last - 1}`, '']);
    }
    const rest = bytes.subarray(3 * GRANULE);
    const { status: code, body } = await send(uri, { body: rest, headers: rangeOf(3 * GRANULE, rest, bytes.length) });
    expect([code, body.sha256Checksum]).toEqual([200, hex('sha256', bytes)]);
    expect(hex('sha256', google.drive.bytesOf(body.id))).toBe(hex('sha256', bytes));
  });

  test('a total that equals the stored size finishes the upload: multiples of 256 KiB, and an empty file', async () => {
    const bytes = noise(GRANULE);
    const uri = await alice.session();
    await send(uri, { body: bytes, headers: rangeOf(0, bytes, '*') });
    expect((await status(uri, GRANULE)).status).toBe(200);
    const empty = await alice.session();
    const answer = await status(empty, 0);
    expect(google.drive.bytesOf(answer.body.id)).toHaveLength(0);
    const announced = await alice.session({}, { 'x-upload-content-length': 0 });
    expect((await send(announced, {})).status).toBe(200);
  });

  test.each([[0], [1], [GRANULE - 1], [GRANULE], [GRANULE + 1]])('a file of %i bytes in one chunk', async (length) => {
    const bytes = noise(length);
    const uri = await alice.session({}, { 'x-upload-content-length': length }, '&fields=md5Checksum');
    const range = length === 0 ? { 'content-range': 'bytes */0' } : rangeOf(0, bytes, length);
    const { body } = await send(uri, { body: bytes, headers: range });
    expect(body).toEqual({ md5Checksum: hex('md5', bytes) });
  });

  test('the status: no Range while nothing is stored, then what is stored, then the file for as long as one asks', async () => {
    const bytes = noise(2 * GRANULE);
    const uri = await alice.session({}, {}, '&fields=id');
    expect(summaryOf(await status(uri))).toEqual([308, undefined, '']);
    await send(uri, {
      body: bytes.subarray(0, GRANULE),
      headers: rangeOf(0, bytes.subarray(0, GRANULE), bytes.length),
    });
    for (const total of ['*', bytes.length, 7] as const)
      expect(summaryOf(await status(uri, total))).toEqual([308, `bytes=0-${GRANULE - 1}`, '']);
    const { body } = await send(uri, {
      body: bytes.subarray(GRANULE),
      headers: rangeOf(GRANULE, bytes.subarray(GRANULE), bytes.length),
    });
    for (const total of ['*', bytes.length] as const)
      expect(await status(uri, total)).toMatchObject({ status: 200, body });
    // A chunk that is sent again because its answer was lost gets the same answer and changes nothing.
    const again = await send(uri, {
      body: bytes.subarray(GRANULE),
      headers: rangeOf(GRANULE, bytes.subarray(GRANULE), bytes.length),
    });
    expect(again).toMatchObject({ status: 200, body });
    expect(google.drive.files().find(({ id }) => id === body.id)?.revisions).toBe(1);
  });

  test('Go’s client gets 200 with the 308 in a header', async () => {
    const uri = await alice.session();
    const { status: code, headers } = await send(uri, {
      headers: { 'content-range': 'bytes */*', 'x-guploader-no-308': 'yes' },
    });
    expect([code, headers['x-http-status-code-override']]).toEqual([200, '308']);
  });

  test('what overlaps is taken from the stored byte on', async () => {
    const bytes = noise(3 * GRANULE);
    const uri = await alice.session({}, {}, '&fields=id');
    const [head, all] = [bytes.subarray(0, 2 * GRANULE), bytes];
    await send(uri, { body: head, headers: rangeOf(0, head, '*') });
    // The same range with other bytes does not change the stored bytes.
    const other = Buffer.alloc(GRANULE, 1);
    expect(summaryOf(await send(uri, { body: other, headers: rangeOf(0, other, '*') }))[1]).toBe(
      `bytes=0-${2 * GRANULE - 1}`,
    );
    const { body } = await send(uri, { body: all, headers: rangeOf(0, all, all.length) });
    expect(hex('sha256', google.drive.bytesOf(body.id))).toBe(hex('sha256', bytes));
  });

  test('what begins beyond the stored bytes is refused with 503 and Google’s own words', async () => {
    const uri = await alice.session();
    const piece = noise(GRANULE);
    const answer = await send(uri, { body: piece, headers: rangeOf(GRANULE, piece, '*') });
    expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([
      503,
      'text/plain; charset=utf-8',
      'Invalid request.  According to the Content-Range header, the upload offset is 262144 byte(s), which exceeds already uploaded size of 0 byte(s).',
    ]);
    expect(summaryOf(await status(uri))[1]).toBeUndefined();
  });

  test.each([[1], [GRANULE - 1], [GRANULE + 1]])(
    'a chunk of %i bytes that is not the last is refused',
    async (length) => {
      for (const total of ['*', 10 * MIB] as const) {
        const uri = await alice.session();
        const piece = noise(length);
        const answer = await send(uri, { body: piece, headers: rangeOf(0, piece, total) });
        expect([answer.status, answer.text]).toEqual([
          400,
          expect.stringContaining(`The received request contained ${length} bytes`),
        ]);
        expect(summaryOf(await status(uri))).toEqual([308, undefined, '']);
      }
    },
  );
});
