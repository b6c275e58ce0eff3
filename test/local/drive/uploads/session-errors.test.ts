import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalGoogle } from '../../../../local/google/server.ts';
import {
  eventually,
  GRANULE,
  hex,
  MIB,
  noise,
  rangeOf,
  reasonOf,
  type Sent,
  send,
  startUploadWorld,
  type Uploader,
  type UploadWorld,
  uploaderOf,
} from './uploading.ts';

const DAY_MS = 24 * 3600 * 1000;
let uploads: UploadWorld;
let google: LocalGoogle;
let alice: Uploader;
beforeAll(async () => {
  uploads = await startUploadWorld();
  ({ google, alice } = uploads);
});
afterAll(() => uploads.close());

describe('errors and interruptions of a session', () => {
  const status = (uri: string, total: number | '*' = '*') =>
    send(uri, { headers: { 'content-range': `bytes */${total}` } });
  const summaryOf = ({ status: code, headers, text }: Sent) => [code, headers.range, text];

  test.each([
    ['bytes 0-/5'],
    ['bytes 0--1/0'],
    ['bytes 5-4/10'],
    ['bytes 0-5/5'],
    ['0-4/5'],
    ['bytes'],
    ['items 0-4/5'],
    [''],
  ])('Content-Range: "%s" is refused', async (range) => {
    const uri = await alice.session();
    const answer = await send(uri, { body: 'hello', headers: { 'content-range': range } });
    expect([answer.status, answer.text]).toEqual([400, 'Failed to parse Content-Range header.']);
  });

  test.each([
    ['shorter, by its length', 'abcd', false],
    ['longer, by its length', 'abcdef', false],
    ['shorter, as it turns out', 'abcd', true],
    ['longer, as it turns out', 'abcdef', true],
  ])('a body that is %s than its range is refused, and the session continues', async (_, body, chunked) => {
    const uri = await alice.session();
    const range = { 'content-range': 'bytes 0-4/5' };
    const answer = await send(uri, { body, chunked, headers: range });
    expect([answer.status, answer.text]).toEqual([
      400,
      `Invalid request.  There were ${body.length} byte(s) in the request body.  There should have been 5 byte(s) (starting at offset 0 and ending at offset 4) according to the Content-Range header.`,
    ]);
    const done = await send(uri, { body: 'right', headers: range });
    expect(google.drive.bytesOf(done.body.id).toString()).toBe('right');
  });

  test('of a body that is too short, nothing is stored', async () => {
    const uri = await alice.session();
    const request = { body: noise(GRANULE), chunked: true, headers: rangeOf(0, noise(2 * GRANULE), '*') };
    expect((await send(uri, request)).status).toBe(400);
    expect(summaryOf(await status(uri))).toEqual([308, undefined, '']);
  });

  test('a total smaller than the stored size is rejected', async () => {
    const piece = noise(2 * GRANULE);
    const uri = await alice.session();
    await send(uri, { body: piece, headers: rangeOf(0, piece, '*') });
    for (const request of [{ body: 'x' }, { body: 'x', chunked: true }, { body: 'x', headers: rangeOf(0, 'x', 1) }])
      expect((await send(uri, request)).status).toBe(400);
    expect(summaryOf(await status(uri))[1]).toBe(`bytes=0-${2 * GRANULE - 1}`);
  });

  test.each<[string, Record<string, string | number>, Parameters<typeof send>[1]]>([
    [
      'the range’s total',
      { 'x-upload-content-length': 6 },
      { body: 'hello', headers: { 'content-range': 'bytes 0-4/5' } },
    ],
    ['the body’s length', { 'x-upload-content-length': 6 }, { body: 'hello' }],
    ['a body without a length', { 'x-upload-content-length': 6 }, { body: 'hello', chunked: true }],
    ['no body', { 'x-upload-content-length': 6 }, {}],
    [
      'more than was announced',
      { 'x-upload-content-length': 4 },
      { body: 'hello', headers: { 'content-range': 'bytes 0-4/*' } },
    ],
  ])('another size than announced is refused: %s', async (_, headers, request) => {
    const uri = await alice.session({}, headers);
    expect((await send(uri, request)).status).toBe(400);
    expect(summaryOf(await status(uri))).toEqual([308, undefined, '']);
  });

  test('a total that differs from the one before is rejected', async () => {
    const uri = await alice.session();
    const piece = noise(GRANULE);
    await send(uri, { body: piece, headers: rangeOf(0, piece, 2 * GRANULE) });
    expect((await send(uri, { body: piece, headers: rangeOf(GRANULE, piece, 3 * GRANULE) })).status).toBe(400);
    expect((await send(uri, { body: piece, headers: rangeOf(GRANULE, piece, 2 * GRANULE) })).status).toBe(200);
  });

  test('a broken connection keeps what arrived, in whole 256 KiB', async () => {
    const bytes = noise(4 * MIB);
    const uri = await alice.session({}, {}, '&fields=id');
    await send(uri, { body: bytes, headers: rangeOf(0, bytes, bytes.length), breakAfter: 2 * GRANULE + 1000 });
    await eventually(async () => expect(summaryOf(await status(uri))).toEqual([308, `bytes=0-${2 * GRANULE - 1}`, '']));
    const rest = bytes.subarray(2 * GRANULE);
    const { body } = await send(uri, { body: rest, headers: rangeOf(2 * GRANULE, rest, bytes.length) });
    expect(hex('sha256', google.drive.bytesOf(body.id))).toBe(hex('sha256', bytes));
  });

  test('bytes after the last 256 KiB are dropped after a restart', async () => {
    const bytes = noise(MIB);
    const uri = await alice.session({}, {}, '&fields=id');
    await send(uri, { body: bytes, headers: rangeOf(0, bytes, '*'), breakAfter: GRANULE + 5000 });
    await eventually(async () => expect(summaryOf(await status(uri))[1]).toBe(`bytes=0-${GRANULE - 1}`));
    const { body } = await send(uri, { body: 'end', headers: rangeOf(GRANULE, 'end', GRANULE + 3) });
    expect(google.drive.bytesOf(body.id)).toHaveLength(GRANULE + 3);
  });

  test('a newer request replaces one that hangs', async () => {
    const bytes = noise(MIB);
    const uri = await alice.session({}, {}, '&fields=id');
    const { hostname, port, pathname, search } = new URL(uri);
    // Sends a chunk and then stalls.
    const socket = connect(Number(port), hostname);
    const closed = once(socket, 'close');
    socket.on('error', () => undefined);
    socket.write(
      `PUT ${pathname}${search} HTTP/1.1\r\nHost: x\r\nContent-Length: ${MIB}\r\nContent-Range: bytes 0-${MIB - 1}/${MIB}\r\n\r\nhello`,
    );
    await eventually(() => expect(google.calls.list({ method: 'PUT' }).at(-1)?.requestBytes).toBe(5));
    expect(summaryOf(await status(uri))).toEqual([308, undefined, '']);
    const { status: code, body } = await send(uri, { body: bytes, headers: rangeOf(0, bytes, MIB) });
    expect(code).toBe(200);
    expect(hex('sha256', google.drive.bytesOf(body.id))).toBe(hex('sha256', bytes));
    await closed;
  });

  test('DELETE cancels: 499, then 404, and the bytes are deleted', async () => {
    const uri = await alice.session();
    const piece = noise(GRANULE);
    await send(uri, { body: piece, headers: rangeOf(0, piece, '*') });
    expect((await send(uri, { method: 'DELETE' })).status).toBe(499);
    for (const request of [{ headers: { 'content-range': 'bytes */*' } }, { body: 'x' }, { method: 'DELETE' }])
      expect(summaryOf(await send(uri, request))).toEqual([404, undefined, 'Not Found']);
    const id = new URL(uri).searchParams.get('upload_id') ?? '';
    expect(uploads.leftovers().filter((name) => name.startsWith(id))).toEqual([]);
  });

  test('an unknown session: 404; an unknown method: 405', async () => {
    const uri = await alice.session();
    expect((await send(uri.replace(/upload_id=.*/, 'upload_id=nobody'), { body: 'x' })).status).toBe(404);
    expect((await send(uri, { method: 'GET' })).status).toBe(405);
  });

  test('two sessions for one id: the second finds it taken, gets an error, and ends', async () => {
    const generated = await fetch(`${google.origin}/www.googleapis.com/drive/v3/files/generateIds?count=1`, {
      headers: {
        authorization: `Bearer ${google.world.accessToken(google.world.emails.alice, ['https://www.googleapis.com/auth/drive'])}`,
      },
    });
    const [id] = ((await generated.json()) as { ids: string[] }).ids;
    const [first, second] = [await alice.session({ id }), await alice.session({ id })];
    expect((await send(first, { body: 'first' })).status).toBe(200);
    const answer = await send(second, { body: 'second' });
    expect([answer.status, reasonOf(answer)]).toEqual([409, 'fileIdInUse']);
    expect((await status(second)).status).toBe(410);
    await expect(alice.session({ id })).rejects.toThrow('409');
    expect(google.drive.bytesOf(id ?? '').toString()).toBe('first');
  });

  test('the answer at the end shows the file as its person sees it, because the URI is the credential', async () => {
    const uri = await alice.session({ name: 'mine' }, {}, '&fields=ownedByMe,owners(emailAddress)');
    google.world.expireAccessTokens();
    const { body } = await send(uri, { body: 'x' });
    expect(body).toEqual({ ownedByMe: true, owners: [{ emailAddress: google.world.emails.alice }] });
    uploads.clock.ms += 1;
    alice = uploaderOf(google, google.world.emails.alice);
  });

  test('a session expires after a week', async () => {
    const [uri, finished] = [await alice.session(), await alice.session()];
    await send(finished, { body: 'x' });
    uploads.clock.ms += 7 * DAY_MS - 1;
    expect([(await status(uri)).status, (await status(finished)).status]).toEqual([308, 200]);
    uploads.clock.ms += 1;
    expect([(await status(uri)).status, (await status(finished)).status]).toEqual([404, 404]);
    alice = uploaderOf(google, google.world.emails.alice);
  });
});
