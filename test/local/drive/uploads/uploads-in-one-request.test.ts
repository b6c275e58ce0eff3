import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalGoogle } from '../../../../local/google/server.ts';
import { SHEET } from '../drive-api.ts';
import {
  CHECKED_FIELDS,
  eventually,
  hex,
  MIB,
  noise,
  reasonOf,
  send,
  startUploadWorld,
  type Uploader,
  type UploadWorld,
  uploadSimply,
} from './uploading.ts';

let uploads: UploadWorld;
let google: LocalGoogle;
let alice: Uploader;
beforeAll(async () => {
  uploads = await startUploadWorld();
  ({ google, alice } = uploads);
});
afterAll(() => uploads.close());

describe('a simple upload', () => {
  test('stores the body, with all its checksums, under no name', async () => {
    const bytes = noise(300_000);
    const { status, body } = await uploadSimply(alice, {
      body: bytes,
      headers: { 'content-type': 'image/png; charset=x' },
    });
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
    const { body } = await uploadSimply(alice, { body: bytes });
    expect(body).toMatchObject({
      size: String(length),
      mimeType: 'application/octet-stream',
      sha256Checksum: hex('sha256', bytes),
    });
  });

  test.each([[false], [true]])('of a byte more than 5 MiB is refused (chunked: %s)', async (chunked) => {
    const count = google.drive.files().length;
    const answer = await uploadSimply(alice, { body: noise(5 * MIB + 1), chunked });
    expect([answer.status, reasonOf(answer)]).toEqual([413, 'uploadTooLarge']);
    expect(google.drive.files()).toHaveLength(count);
  });

  test('replaces the bytes of a file by PATCH, and keeps its id', async () => {
    const { body } = await uploadSimply(alice, { body: 'one', headers: { 'content-type': 'text/plain' } });
    const answer = await alice.at(`/upload/drive/v3/files/${body.id}?uploadType=media`, {
      method: 'PATCH',
      body: 'two',
    });
    expect([answer.status, answer.body.id]).toEqual([200, body.id]);
    expect(google.drive.bytesOf(body.id).toString()).toBe('two');
    // Also its media type, when the request has none.
    expect(google.drive.files().find(({ id }) => id === body.id)).toMatchObject({
      revisions: 2,
      mimeType: 'text/plain',
    });
  });

  // As on the real Drive: pubkey/google-drive-mock, test/multipart_behavior.test.ts.
  test.each(['media', 'multipart', 'resumable'])('PUT to a file with uploadType=%s is 404', async (uploadType) => {
    const { body } = await uploadSimply(alice, { body: 'one', headers: { 'content-type': 'text/plain' } });
    const path = `/upload/drive/v3/files/${body.id}?uploadType=${uploadType}`;
    expect((await alice.at(path, { method: 'PUT', body: 'two' })).status).toBe(404);
    expect(google.drive.bytesOf(body.id).toString()).toBe('one');
  });

  test.each(['/drive/v2/files', '/upload/drive/v2/files?uploadType=media', '/drive/v2/about'])(
    'version 2 of the API gets the error "not implemented": %s',
    async (path) => {
      const answer = await alice.at(path, { method: 'POST', body: 'one' });
      expect([answer.status, answer.body.error.errors[0].reason]).toEqual([501, 'notImplemented']);
    },
  );

  test('whose connection breaks makes no file, and leaves nothing behind', async () => {
    const count = google.drive.files().length;
    expect((await uploadSimply(alice, { body: noise(2 * MIB), breakAfter: MIB })).status).toBe(0);
    await eventually(() => expect(uploads.leftovers()).toEqual([]));
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
    alice.at(`/upload/drive/v3/files?uploadType=multipart${CHECKED_FIELDS}`, {
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

  test('with bare LF keeps a CR at the end of the media', async () => {
    const { body } = await multipart(related({ name: 'x' }, 'x\r', 'content-type: text/plain', '\n'));
    expect(google.drive.bytesOf(body.id).toString()).toBe('x\r');
  });

  test('accepts 5 MiB of file besides the other parts, and not a byte more', async () => {
    const { body } = await multipart(related({ name: 'x' }, noise(5 * MIB)));
    expect(body.size).toBe(String(5 * MIB));
    const refused = await multipart(related({ name: 'x' }, noise(5 * MIB + 1)));
    expect([refused.status, reasonOf(refused)]).toEqual([413, 'uploadTooLarge']);
    const long = await multipart(related({ name: 'x' }, noise(9 * MIB)));
    expect([long.status, reasonOf(long)]).toEqual([413, 'uploadTooLarge']);
  });

  test('becomes a Google Sheet if the metadata have its type', async () => {
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

describe('upload parameters', () => {
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
    const answer = await uploadSimply(alice, { body: 'x', headers: { [header]: value } });
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
