import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { forEachChunk } from '../../../local/google/drive/uploads/body-chunks.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { SHEET } from './drive-api.ts';
import {
  eventually,
  GRANULE,
  hex,
  KIB,
  MIB,
  noise,
  rangeOf,
  type Sent,
  send,
  type Uploader,
  uploaderOf,
} from './uploading.ts';

const DAY_MS = 24 * 3600 * 1000;
const clock = { ms: Date.parse('2026-11-24T12:00:00Z') };

let dataDir: string;
let google: LocalGoogle;
let alice: Uploader;
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'uploads-'));
  google = await startLocalGoogle({ dataDir, now: () => clock.ms });
  alice = uploaderOf(google, google.world.emails.alice);
});
afterAll(async () => {
  await google.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const FIELDS = '&fields=id,name,mimeType,size,md5Checksum,sha1Checksum,sha256Checksum';
const simple = (wish: Parameters<Uploader['at']>[1], query = FIELDS) =>
  alice.at(`/upload/drive/v3/files?uploadType=media${query}`, wish);
const reasonOf = ({ body }: Sent): string => body?.error?.errors?.[0]?.reason;
const leftovers = (): string[] =>
  readdirSync(join(dataDir, 'drive', 'uploads'), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

describe('a simple upload', () => {
  test('stores the body, with all its checksums, under no name', async () => {
    const bytes = noise(300_000);
    const { status, body } = await simple({ body: bytes, headers: { 'content-type': 'image/png; charset=x' } });
    expect([status, body]).toEqual([
      200,
      {
        id: expect.stringMatching(/^1.{32}$/),
        name: 'Untitled',
        mimeType: 'image/png',
        size: '300000',
        md5Checksum: hex('md5', bytes),
        sha1Checksum: hex('sha1', bytes),
        sha256Checksum: hex('sha256', bytes),
      },
    ]);
    expect(hex('sha256', google.drive.bytesOf(body.id))).toBe(hex('sha256', bytes));
  });

  test.each([
    ['no bytes', 0],
    ['the most that is allowed', 5 * MIB],
  ])('of %s', async (_, length) => {
    const bytes = noise(length);
    const { body } = await simple({ body: bytes });
    expect(body).toMatchObject({
      size: String(length),
      mimeType: 'application/octet-stream',
      sha256Checksum: hex('sha256', bytes),
    });
  });

  test.each([[false], [true]])('of a byte more than 5 MiB is refused (chunked: %s)', async (chunked) => {
    const count = google.drive.files().length;
    const answer = await simple({ body: noise(5 * MIB + 1), chunked });
    expect([answer.status, reasonOf(answer)]).toEqual([413, 'uploadTooLarge']);
    expect(google.drive.files()).toHaveLength(count);
  });

  test('replaces the bytes of a file by PATCH, and keeps its id', async () => {
    const { body } = await simple({ body: 'one', headers: { 'content-type': 'text/plain' } });
    const answer = await alice.at(`/upload/drive/v3/files/${body.id}?uploadType=media`, {
      method: 'PATCH',
      body: 'two',
    });
    expect([answer.status, answer.body.id]).toEqual([200, body.id]);
    expect(google.drive.bytesOf(body.id).toString()).toBe('two');
    // Its type too, where none is named.
    expect(google.drive.files().find(({ id }) => id === body.id)).toMatchObject({
      revisions: 2,
      mimeType: 'text/plain',
    });
  });

  // As on real Drive: pubkey/google-drive-mock, test/multipart_behavior.test.ts.
  test.each(['media', 'multipart', 'resumable'])('PUT to a file with uploadType=%s is 404', async (uploadType) => {
    const { body } = await simple({ body: 'one', headers: { 'content-type': 'text/plain' } });
    const path = `/upload/drive/v3/files/${body.id}?uploadType=${uploadType}`;
    expect((await alice.at(path, { method: 'PUT', body: 'two' })).status).toBe(404);
    expect(google.drive.bytesOf(body.id).toString()).toBe('one');
  });

  test.each(['/drive/v2/files', '/upload/drive/v2/files?uploadType=media', '/drive/v2/about'])(
    'version 2 of the API is not here, and says so: %s',
    async (path) => {
      const answer = await alice.at(path, { method: 'POST', body: 'one' });
      expect([answer.status, answer.body.error.errors[0].reason]).toEqual([501, 'notImplemented']);
    },
  );

  test('whose connection breaks makes no file, and leaves nothing behind', async () => {
    const count = google.drive.files().length;
    expect((await simple({ body: noise(2 * MIB), breakAfter: MIB })).status).toBe(0);
    await eventually(() => expect(leftovers()).toEqual([]));
    expect(google.drive.files()).toHaveLength(count);
  });
});

describe('a multipart upload', () => {
  const related = (metadata: unknown, media: Buffer | string, mediaHead = 'content-type: text/csv', eol = '\r\n') =>
    Buffer.concat([
      Buffer.from(
        `--b1${eol}Content-Type: application/json; charset=UTF-8${eol}${eol}${JSON.stringify(metadata)}${eol}--b1${eol}${mediaHead}${eol}${eol}`,
      ),
      Buffer.from(media),
      Buffer.from(`${eol}--b1--${eol}`),
    ]);
  const multipart = (body: Buffer | string, contentType = 'multipart/related; boundary=b1', chunked = false) =>
    alice.at(`/upload/drive/v3/files?uploadType=multipart${FIELDS}`, {
      body,
      chunked,
      headers: { 'content-type': contentType },
    });
  const csv = Buffer.from('a,b\r\n1,2\r\n');

  test('takes metadata and bytes in one', async () => {
    const { status, body } = await multipart(related({ name: 'a.csv' }, csv));
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        name: 'a.csv',
        mimeType: 'text/csv',
        size: String(csv.length),
        sha256Checksum: hex('sha256', csv),
      }),
    ]);
    expect(hex('sha256', google.drive.bytesOf(body.id))).toBe(hex('sha256', csv));
  });

  test.each<[string, Buffer | string, string, boolean]>([
    [
      'line breaks of LF alone',
      related({ name: 'x' }, csv, 'content-type: text/csv', '\n'),
      'multipart/related; boundary=b1',
      false,
    ],
    [
      'a quoted boundary',
      related({ name: 'x' }, csv),
      'Multipart/Related; type="application/json"; boundary="b1"',
      false,
    ],
    ['a chunked body', related({ name: 'x' }, csv), 'multipart/related; boundary=b1', true],
    [
      'spaces after the boundary, and a preamble',
      `hello\r\n${related({ name: 'x' }, csv).toString().replaceAll('--b1\r', '--b1 \t\r')}`,
      'multipart/related; boundary=b1',
      false,
    ],
    [
      'base64',
      related(
        { name: 'x' },
        `${csv.toString('base64').slice(0, 5)}\r\n${csv.toString('base64').slice(5)}`,
        'Content-Type: text/csv\r\nContent-Transfer-Encoding: base64',
      ),
      'multipart/related; boundary=b1',
      false,
    ],
    [
      'binary by name',
      related({ name: 'x' }, csv, 'Content-Type: text/csv\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: binary'),
      'multipart/related; boundary=b1',
      false,
    ],
  ])('with %s', async (_, body, contentType, chunked) => {
    const answer = await multipart(body, contentType, chunked);
    expect([answer.status, answer.body.error]).toEqual([200, undefined]);
    expect(hex('sha256', google.drive.bytesOf(answer.body.id))).toBe(hex('sha256', csv));
  });

  test.each([
    ['lines that begin like the boundary', '--b1x\r\n--b\r\n --b1\r\n'],
    ['a line break at the end', 'x\r\n'],
    ['nothing', ''],
  ])('keeps media of %s as they are', async (_, text) => {
    const { body } = await multipart(related({ name: 'x' }, text));
    expect(google.drive.bytesOf(body.id).toString()).toBe(text);
  });

  test.each([
    ['CRLF', '\r\n', 'x\n--b1\r\ny'],
    ['LF', '\n', 'x--b1\ny\r--b1\nz'],
  ])('knows a boundary by the line break before it, here %s', async (_, eol, text) => {
    const { body } = await multipart(related({ name: 'x' }, text, 'content-type: text/plain', eol));
    expect(google.drive.bytesOf(body.id).toString()).toBe(text);
  });

  test('of bare LF takes no CR off the media', async () => {
    const { body } = await multipart(related({ name: 'x' }, 'x\r', 'content-type: text/plain', '\n'));
    expect(google.drive.bytesOf(body.id).toString()).toBe('x\r');
  });

  test('takes 5 MiB of file, whatever is around it, and not a byte more', async () => {
    const { body } = await multipart(related({ name: 'x' }, noise(5 * MIB)));
    expect(body.size).toBe(String(5 * MIB));
    const refused = await multipart(related({ name: 'x' }, noise(5 * MIB + 1)));
    expect([refused.status, reasonOf(refused)]).toEqual([413, 'uploadTooLarge']);
    const long = await multipart(related({ name: 'x' }, noise(9 * MIB)));
    expect([long.status, reasonOf(long)]).toEqual([413, 'uploadTooLarge']);
  });

  test('becomes a Google Sheet where the metadata say so', async () => {
    const { body } = await multipart(related({ name: 'x', mimeType: SHEET }, csv));
    expect(body).toEqual({ id: expect.any(String), name: 'x', mimeType: SHEET });
  });

  const good = related({ name: 'x' }, csv).toString();
  test.each<[string, string, string, string]>([
    ['no end', good.replace('--b1--', ''), 'multipart/related; boundary=b1', 'badRequest'],
    ['one part', '--b1\r\n\r\n{}\r\n--b1--', 'multipart/related; boundary=b1', 'badRequest'],
    ['three parts', good.replace('--b1--', '--b1\r\n\r\nx\r\n--b1--'), 'multipart/related; boundary=b1', 'badRequest'],
    ['another boundary', good, 'multipart/related; boundary=b2', 'badRequest'],
    ['no boundary', good, 'multipart/related', 'badContent'],
    ['form data', good, 'multipart/form-data; boundary=b1', 'badContent'],
    ['metadata that are no JSON', good.replace('{', '['), 'multipart/related; boundary=b1', 'parseError'],
    [
      'metadata of another type',
      good.replace('application/json', 'text/xml'),
      'multipart/related; boundary=b1',
      'badContent',
    ],
    [
      'an encoding that is unknown',
      related({}, csv, 'Content-Transfer-Encoding: quoted-printable').toString(),
      'multipart/related; boundary=b1',
      'badContent',
    ],
    [
      'base64 that is none',
      related({}, 'x*', 'Content-Transfer-Encoding: base64').toString(),
      'multipart/related; boundary=b1',
      'badRequest',
    ],
    ['an empty body', '', 'multipart/related; boundary=b1', 'badRequest'],
  ])('of %s is refused', async (_, body, contentType, reason) => {
    const answer = await multipart(body, contentType);
    expect([answer.status, reasonOf(answer)]).toEqual([400, reason]);
  });
});

describe('how an upload is asked for', () => {
  test.each([
    ['/upload/drive/v3/files', 400, 'required'],
    ['/upload/drive/v3/files?uploadType=pigeon', 400, 'invalid'],
    ['/resumable/upload/drive/v3/files?uploadType=media', 400, 'invalid'],
    ['/upload/drive/v3/files?uploadType=media&upload_protocol=raw', 501, 'notImplemented'],
    ['/upload/drive/v3/files?uploadType=media&pigeon=1', 400, 'badRequest'],
  ])('%s: %i %s', async (path, status, reason) => {
    const answer = await alice.at(path, { body: 'x' });
    expect([answer.status, reasonOf(answer)]).toEqual([status, reason]);
  });

  test.each([
    ['x-goog-upload-protocol', 'resumable'],
    ['content-encoding', 'gzip'],
  ])('%s: 501 by name', async (header, value) => {
    const answer = await simple({ body: 'x', headers: { [header]: value } });
    expect([answer.status, answer.body.error.message]).toEqual([501, expect.stringMatching(new RegExp(header, 'i'))]);
    const uri = await alice.session();
    expect((await send(uri, { body: 'x', headers: { [header]: value } })).status).toBe(501);
  });

  test('without a token: 401, and nothing is stored', async () => {
    const answer = await send(`${google.origin}/www.googleapis.com/upload/drive/v3/files?uploadType=media`, {
      method: 'POST',
      body: 'x',
    });
    expect([answer.status, reasonOf(answer)]).toEqual([401, 'required']);
  });
});

describe('opening a session', () => {
  test('answers a URI that leads back here and holds no token', async () => {
    const { status, headers, text } = await alice.at('/upload/drive/v3/files?uploadType=resumable&fields=id', {
      headers: { 'content-type': 'application/json', 'x-upload-content-length': 10 },
      body: '{}',
    });
    expect([status, text]).toEqual([200, '']);
    const uri = new URL(headers.location ?? '');
    expect(uri.origin + uri.pathname).toBe(`${google.origin}/www.googleapis.com/upload/drive/v3/files`);
    expect(uri.searchParams.get('upload_id')).toBe(headers['x-guploader-uploadid']);
    const token = google.world.accessToken(google.world.emails.alice, ['https://www.googleapis.com/auth/drive']);
    const asked = await send(
      `${google.origin}/www.googleapis.com/upload/drive/v3/files?uploadType=resumable&access_token=${token}`,
      { method: 'POST' },
    );
    expect([asked.status, asked.headers.location]).toEqual([200, expect.not.stringContaining(token)]);
  });

  test('under /resumable/ too, with and without uploadType, and without metadata', async () => {
    for (const query of ['?uploadType=resumable', '']) {
      const { headers } = await alice.at(`/resumable/upload/drive/v3/files${query}`);
      expect((await send(headers.location ?? '', { body: 'x' })).status).toBe(200);
    }
  });

  test.each<[string, unknown, Record<string, string | number>, number, string]>([
    ['a folder that does not exist', { parents: ['nowhere'] }, {}, 404, 'notFound'],
    ['an id that was never generated', { id: 'mine' }, {}, 400, 'invalid'],
    ['an unknown member', { nmae: 'x' }, {}, 400, 'badRequest'],
    [
      'a conversion that is none',
      { mimeType: SHEET },
      { 'x-upload-content-type': 'video/mp4' },
      400,
      'conversionUnsupportedConversionPath',
    ],
    ['a size that is none', {}, { 'x-upload-content-length': 'many' }, 400, 'invalid'],
    ['more than Drive takes', {}, { 'x-upload-content-length': 5_497_558_138_881 }, 413, 'uploadTooLarge'],
  ])('is refused for %s', async (_, metadata, headers, status, reason) => {
    const answer = await alice.at('/upload/drive/v3/files?uploadType=resumable', {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(metadata),
    });
    expect([answer.status, reasonOf(answer)]).toEqual([status, reason]);
    expect(answer.headers.location).toBeUndefined();
  });

  test('is refused where the person has no room for the announced size', async () => {
    google.drive.setStorageLimit(google.world.emails.bob, 1000);
    const bob = uploaderOf(google, google.world.emails.bob);
    await expect(bob.session({}, { 'x-upload-content-length': 1001 })).rejects.toThrow('storageQuotaExceeded');
    const uri = await bob.session({});
    // Known only at the end: then there is no file, and the session is over.
    const answer = await send(uri, { body: noise(2000) });
    expect([answer.status, reasonOf(answer)]).toEqual([403, 'storageQuotaExceeded']);
    expect((await send(uri, { headers: { 'content-range': 'bytes */*' } })).status).toBe(410);
    google.drive.setStorageLimit(google.world.emails.bob, undefined);
  });

  test('for a file that exists: PATCH, and its bytes become a new revision', async () => {
    const { body } = await simple({ body: 'old' });
    const { headers } = await alice.at(`/upload/drive/v3/files/${body.id}?uploadType=resumable`, { method: 'PATCH' });
    const answer = await send(headers.location ?? '', { body: 'new' });
    expect([answer.status, answer.body.id]).toEqual([200, body.id]);
    expect(google.drive.bytesOf(body.id).toString()).toBe('new');
    expect((await alice.at('/upload/drive/v3/files/nothing?uploadType=resumable', { method: 'PATCH' })).status).toBe(
      404,
    );
  });
});

describe('sending to a session', () => {
  const status = (uri: string, total: number | '*' = '*') =>
    send(uri, { headers: { 'content-range': `bytes */${total}` } });
  const told = ({ status: code, headers, text }: Sent) => [code, headers.range, text];

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
      expect(told(await send(uri, { body: piece, headers: rangeOf(first, piece, totalOf(bytes.length)) }))).toEqual([
        308,
        `bytes=0-${last - 1}`,
        '',
      ]);
    }
    const rest = bytes.subarray(3 * GRANULE);
    const { status: code, body } = await send(uri, { body: rest, headers: rangeOf(3 * GRANULE, rest, bytes.length) });
    expect([code, body.sha256Checksum]).toEqual([200, hex('sha256', bytes)]);
    expect(hex('sha256', google.drive.bytesOf(body.id))).toBe(hex('sha256', bytes));
  });

  test('a total that is all there is ends it: multiples of 256 KiB, and nothing at all', async () => {
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
    expect(told(await status(uri))).toEqual([308, undefined, '']);
    await send(uri, {
      body: bytes.subarray(0, GRANULE),
      headers: rangeOf(0, bytes.subarray(0, GRANULE), bytes.length),
    });
    for (const total of ['*', bytes.length, 7] as const)
      expect(told(await status(uri, total))).toEqual([308, `bytes=0-${GRANULE - 1}`, '']);
    const { body } = await send(uri, {
      body: bytes.subarray(GRANULE),
      headers: rangeOf(GRANULE, bytes.subarray(GRANULE), bytes.length),
    });
    for (const total of ['*', bytes.length] as const)
      expect(await status(uri, total)).toMatchObject({ status: 200, body });
    // A chunk that is sent again, for its answer was lost, is answered likewise and makes nothing.
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
    // The same range with other bytes: what is stored stays.
    const other = Buffer.alloc(GRANULE, 1);
    expect(told(await send(uri, { body: other, headers: rangeOf(0, other, '*') }))[1]).toBe(
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
    expect(told(await status(uri))[1]).toBeUndefined();
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
        expect(told(await status(uri))).toEqual([308, undefined, '']);
      }
    },
  );

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
  ])('a body that is %s than its range is refused, and the session goes on', async (_, body, chunked) => {
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

  test('of a body that ends short nothing is kept, however much it is', async () => {
    const uri = await alice.session();
    const wish = { body: noise(GRANULE), chunked: true, headers: rangeOf(0, noise(2 * GRANULE), '*') };
    expect((await send(uri, wish)).status).toBe(400);
    expect(told(await status(uri))).toEqual([308, undefined, '']);
  });

  test('a total that is less than what is stored is refused', async () => {
    const piece = noise(2 * GRANULE);
    const uri = await alice.session();
    await send(uri, { body: piece, headers: rangeOf(0, piece, '*') });
    for (const wish of [{ body: 'x' }, { body: 'x', chunked: true }, { body: 'x', headers: rangeOf(0, 'x', 1) }])
      expect((await send(uri, wish)).status).toBe(400);
    expect(told(await status(uri))[1]).toBe(`bytes=0-${2 * GRANULE - 1}`);
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
  ])('another size than announced is refused: %s', async (_, headers, wish) => {
    const uri = await alice.session({}, headers);
    expect((await send(uri, wish)).status).toBe(400);
    expect(told(await status(uri))).toEqual([308, undefined, '']);
  });

  test('another total than before is refused', async () => {
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
    await eventually(async () => expect(told(await status(uri))).toEqual([308, `bytes=0-${2 * GRANULE - 1}`, '']));
    const rest = bytes.subarray(2 * GRANULE);
    const { body } = await send(uri, { body: rest, headers: rangeOf(2 * GRANULE, rest, bytes.length) });
    expect(hex('sha256', google.drive.bytesOf(body.id))).toBe(hex('sha256', bytes));
  });

  test('of what arrived beyond the last 256 KiB nothing comes back', async () => {
    const bytes = noise(MIB);
    const uri = await alice.session({}, {}, '&fields=id');
    await send(uri, { body: bytes, headers: rangeOf(0, bytes, '*'), breakAfter: GRANULE + 5000 });
    await eventually(async () => expect(told(await status(uri))[1]).toBe(`bytes=0-${GRANULE - 1}`));
    const { body } = await send(uri, { body: 'end', headers: rangeOf(GRANULE, 'end', GRANULE + 3) });
    expect(google.drive.bytesOf(body.id)).toHaveLength(GRANULE + 3);
  });

  test('a newer request takes the place of one that hangs', async () => {
    const bytes = noise(MIB);
    const uri = await alice.session({}, {}, '&fields=id');
    const { hostname, port, pathname, search } = new URL(uri);
    // Sends a piece, and then nothing more.
    const socket = connect(Number(port), hostname);
    const closed = once(socket, 'close');
    socket.on('error', () => undefined);
    socket.write(
      `PUT ${pathname}${search} HTTP/1.1\r\nHost: x\r\nContent-Length: ${MIB}\r\nContent-Range: bytes 0-${MIB - 1}/${MIB}\r\n\r\nhello`,
    );
    await eventually(() => expect(google.calls.list({ method: 'PUT' }).at(-1)?.requestBytes).toBe(5));
    expect(told(await status(uri))).toEqual([308, undefined, '']);
    const { status: code, body } = await send(uri, { body: bytes, headers: rangeOf(0, bytes, MIB) });
    expect(code).toBe(200);
    expect(hex('sha256', google.drive.bytesOf(body.id))).toBe(hex('sha256', bytes));
    await closed;
  });

  test('DELETE cancels: 499, then 404, and the bytes are gone', async () => {
    const uri = await alice.session();
    const piece = noise(GRANULE);
    await send(uri, { body: piece, headers: rangeOf(0, piece, '*') });
    expect((await send(uri, { method: 'DELETE' })).status).toBe(499);
    for (const wish of [{ headers: { 'content-range': 'bytes */*' } }, { body: 'x' }, { method: 'DELETE' }])
      expect(told(await send(uri, wish))).toEqual([404, undefined, 'Not Found']);
    const id = new URL(uri).searchParams.get('upload_id') ?? '';
    expect(leftovers().filter((name) => name.startsWith(id))).toEqual([]);
  });

  test('an unknown session: 404; a method that is none: 405', async () => {
    const uri = await alice.session();
    expect((await send(uri.replace(/upload_id=.*/, 'upload_id=nobody'), { body: 'x' })).status).toBe(404);
    expect((await send(uri, { method: 'GET' })).status).toBe(405);
  });

  test('two sessions for one id: the second finds it taken, is told so, and is over', async () => {
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

  test('the file is as its person sees it when it is finished, for the URI is the right', async () => {
    const uri = await alice.session({ name: 'mine' }, {}, '&fields=ownedByMe,owners(emailAddress)');
    google.world.expireAccessTokens();
    const { body } = await send(uri, { body: 'x' });
    expect(body).toEqual({ ownedByMe: true, owners: [{ emailAddress: google.world.emails.alice }] });
    clock.ms += 1;
    alice = uploaderOf(google, google.world.emails.alice);
  });

  test('a session lives for a week', async () => {
    const [uri, finished] = [await alice.session(), await alice.session()];
    await send(finished, { body: 'x' });
    clock.ms += 7 * DAY_MS - 1;
    expect([(await status(uri)).status, (await status(finished)).status]).toEqual([308, 200]);
    clock.ms += 1;
    expect([(await status(uri)).status, (await status(finished)).status]).toEqual([404, 404]);
    alice = uploaderOf(google, google.world.emails.alice);
  });
});

describe('after a restart', () => {
  test('sessions go on, with the checksums of all their bytes, and finished ones answer', async () => {
    const bytes = noise(3 * GRANULE + 5);
    const head = bytes.subarray(0, 2 * GRANULE);
    const open = await alice.session(
      { name: 'survivor' },
      { 'x-upload-content-type': 'text/csv' },
      '&fields=name,mimeType,sha256Checksum',
    );
    const done = await alice.session({}, {}, '&fields=id');
    await send(open, { body: head, headers: rangeOf(0, head, bytes.length) });
    const { body: before } = await send(done, { body: 'done' });
    const { origin } = google;
    await google.close();
    // As after a crash in the middle of a chunk.
    const id = new URL(open).searchParams.get('upload_id');
    appendFileSync(join(dataDir, 'drive', 'uploads', `${id}.session`), 'torn');
    google = await startLocalGoogle({ dataDir, now: () => clock.ms });
    const moved = (uri: string): string => uri.replace(origin, google.origin);
    const asked = await send(moved(open), { headers: { 'content-range': 'bytes */*' } });
    expect([asked.status, asked.headers.range]).toEqual([308, `bytes=0-${2 * GRANULE - 1}`]);
    const rest = bytes.subarray(2 * GRANULE);
    const { body } = await send(moved(open), { body: rest, headers: rangeOf(2 * GRANULE, rest, bytes.length) });
    expect(body).toEqual({ name: 'survivor', mimeType: 'text/csv', sha256Checksum: hex('sha256', bytes) });
    expect((await send(moved(done), { headers: { 'content-range': 'bytes */*' } })).body).toEqual(before);
    alice = uploaderOf(google, google.world.emails.alice);
  });

  test('what no session needs is not kept on disk', () => {
    const folder = join(dataDir, 'drive', 'uploads');
    const bytes = leftovers().reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(bytes).toBeLessThan(4 * MIB);
    expect(leftovers().filter((name) => name.endsWith('.request'))).toEqual([]);
  });
});

test('a hundred sessions at once each get their own bytes', async () => {
  const sent = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const bytes = noise(GRANULE + index * KIB);
      const uri = await alice.session({}, {}, '&fields=sha256Checksum');
      const head = bytes.subarray(0, GRANULE);
      await send(uri, { body: head, headers: rangeOf(0, head, '*') });
      const rest = bytes.subarray(GRANULE);
      const wish =
        rest.length === 0
          ? { headers: { 'content-range': `bytes */${GRANULE}` } }
          : { body: rest, headers: rangeOf(GRANULE, rest, bytes.length) };
      return [(await send(uri, wish)).body.sha256Checksum, hex('sha256', bytes)];
    }),
  );
  expect(sent.filter(([stored, own]) => stored !== own)).toEqual([]);
});

test('the next piece is asked for when the one before is on its way to the disk', async () => {
  const body = new PassThrough();
  const seen: string[] = [];
  let release = (): void => undefined;
  const whole = forEachChunk(body as unknown as IncomingMessage, (piece) => {
    seen.push(piece.toString());
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  for (const piece of ['one', 'two', 'three']) {
    body.write(piece);
    await setImmediate();
  }
  expect(seen).toEqual(['one']);
  release();
  await eventually(() => expect(seen).toEqual(['one', 'two']));
  body.destroy();
  expect(await whole).toBe(false);
});
