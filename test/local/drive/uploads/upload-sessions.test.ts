import { appendFileSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { forEachChunk } from '../../../../local/google/drive/uploads/body-chunks.ts';
import type { LocalGoogle } from '../../../../local/google/server.ts';
import { SHEET } from '../drive-api.ts';
import {
  eventually,
  GRANULE,
  hex,
  KIB,
  MIB,
  noise,
  rangeOf,
  reasonOf,
  send,
  startUploadWorld,
  type Uploader,
  type UploadWorld,
  uploaderOf,
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

describe('opening a session', () => {
  test('answers with a URI of this server that contains no token', async () => {
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

  test('is rejected when the person has too little storage for the announced size', async () => {
    google.drive.setStorageLimit(google.world.emails.bob, 1000);
    const bob = uploaderOf(google, google.world.emails.bob);
    await expect(bob.session({}, { 'x-upload-content-length': 1001 })).rejects.toThrow('storageQuotaExceeded');
    const uri = await bob.session({});
    // The error is known only at the end: there is no file, and the session has failed.
    const answer = await send(uri, { body: noise(2000) });
    expect([answer.status, reasonOf(answer)]).toEqual([403, 'storageQuotaExceeded']);
    expect((await send(uri, { headers: { 'content-range': 'bytes */*' } })).status).toBe(410);
    google.drive.setStorageLimit(google.world.emails.bob, undefined);
  });

  test('for a file that exists: PATCH, and its bytes become a new revision', async () => {
    const { body } = await uploadSimply(alice, { body: 'old' });
    const { headers } = await alice.at(`/upload/drive/v3/files/${body.id}?uploadType=resumable`, { method: 'PATCH' });
    const answer = await send(headers.location ?? '', { body: 'new' });
    expect([answer.status, answer.body.id]).toEqual([200, body.id]);
    expect(google.drive.bytesOf(body.id).toString()).toBe('new');
    expect((await alice.at('/upload/drive/v3/files/nothing?uploadType=resumable', { method: 'PATCH' })).status).toBe(
      404,
    );
  });
});

describe('after a restart', () => {
  test('sessions continue, with the checksums of all their bytes, and finished ones answer', async () => {
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
    // As after a crash during a chunk.
    const id = new URL(open).searchParams.get('upload_id');
    appendFileSync(join(uploads.dataDir, 'drive', 'uploads', `${id}.session`), 'torn');
    google = await uploads.start();
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
    const folder = join(uploads.dataDir, 'drive', 'uploads');
    const bytes = uploads.leftovers().reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(bytes).toBeLessThan(4 * MIB);
    expect(uploads.leftovers().filter((name) => name.endsWith('.request'))).toEqual([]);
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
      const request =
        rest.length === 0
          ? { headers: { 'content-range': `bytes */${GRANULE}` } }
          : { body: rest, headers: rangeOf(GRANULE, rest, bytes.length) };
      return [(await send(uri, request)).body.sha256Checksum, hex('sha256', bytes)];
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
