import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { durationText, sizeText } from '../../../src/client/commands/output/sizes.ts';
import { rewriteFor } from '../../../src/client/http/google-origin.ts';
import { bufferStream, openInput } from '../../../src/client/send/input.ts';
import { createRunningDigest } from '../../../src/client/send/running-digest.ts';
import { cacheFolder, createSessionStore } from '../../../src/client/send/session-store.ts';
import { mediaTypeByName } from '../../../src/text/media-type.ts';

const folder = mkdtempSync(join(tmpdir(), 'courier-parts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seekable = async (bytes: Uint8Array) => {
  const input = await openInput(bytes);
  if (input.kind !== 'seekable') throw new Error('bytes can be read again');
  return input;
};

test('the digest covers the whole content once, despite repeated or skipped bytes and repeated requests', async () => {
  const pieces = fc.array(fc.tuple(fc.nat(200), fc.nat(200)), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), pieces, async (bytes, sent) => {
      const input = await seekable(bytes);
      const digest = createRunningDigest(input);
      for (const [start, length] of sent) {
        const from = Math.min(start, bytes.length);
        await digest.catchUp(from);
        digest.add(from, bytes.subarray(from, from + length));
      }
      const expected = createHash('sha256').update(bytes).digest('hex');
      expect([await digest.finish(), await digest.finish()]).toEqual([expected, expected]);
      digest.add(0, bytes);
    }),
  );
});

test.each([{}, 5, null, ['a'], new ArrayBuffer(1)])('a stream with %j is wrong usage', async (part) => {
  const parts = async function* () {
    yield Buffer.from('a');
    yield part as never;
  };
  for (const stream of [parts(), ReadableStream.from(parts())]) {
    const input = await openInput(stream as never);
    if (input.kind !== 'stream') throw new Error('a stream can be read once');
    await expect(bufferStream(input, 100)).rejects.toMatchObject({ code: 'usage' });
  }
});

test('an empty path, as an unset variable of a shell gives it, is wrong usage', async () => {
  await expect(openInput('')).rejects.toMatchObject({ code: 'usage' });
});

test('a web stream of text is sent as UTF-8, also if a character is split between two parts', async () => {
  const input = await openInput(ReadableStream.from(['ä', '\ud83d', '\ude00']) as never);
  if (input.kind !== 'stream') throw new Error('a stream can be read once');
  const whole = await bufferStream(input, 100);
  expect(whole).toMatchObject({ kind: 'seekable', size: 6 });
});

test('a stream is returned whole, however far it was read ahead', async () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(parts, fc.nat(200), async (pieces, limit) => {
      const stream = await openInput(
        (async function* () {
          yield* pieces;
        })(),
      );
      if (stream.kind !== 'stream') throw new Error('a generator can be read once');
      const whole = Buffer.concat(pieces);
      const buffered = await bufferStream(stream, limit);
      expect(buffered.kind).toBe(whole.length <= limit ? 'seekable' : 'stream');
      const bytes = buffered.kind === 'seekable' ? buffered.read(0, buffered.size) : buffered.bytes;
      const read: Uint8Array[] = [];
      for await (const piece of bytes) read.push(piece);
      expect(Buffer.concat(read).equals(whole)).toBe(true);
    }),
  );
});

describe('a file', () => {
  test('that is modified, replaced or truncated while it is sent is detected', async () => {
    const changes: ((path: string) => void)[] = [
      (path) => writeFileSync(path, 'longer than before'),
      (path) => {
        rmSync(path);
        writeFileSync(path, 'before');
      },
      (path) => utimesSync(path, 1, 1),
      (path) => rmSync(path),
    ];
    for (const [index, change] of changes.entries()) {
      const path = join(folder, `changing-${index}`);
      writeFileSync(path, 'before');
      const input = await openInput(path);
      if (input.kind !== 'seekable') throw new Error('a file can be read again');
      await input.assertUnchanged();
      change(path);
      await expect(input.assertUnchanged()).rejects.toMatchObject({ code: 'file-changed', retryable: true });
      await input.close();
    }
  });
});

describe('saved sessions', () => {
  const upload = (expiresTime: string) => ({
    id: 'u',
    uploadUrl: 'https://www.googleapis.com/upload?upload_id=secret',
    expiresTime,
    chunkGranularity: 262_144,
  });
  const now = Date.parse('2026-11-24T12:00:00Z');

  test('belong to one user, last as long as Drive’s sessions, and are cleaned up later', async () => {
    const place = join(folder, 'sessions');
    const store = createSessionStore(place, () => now);
    await store.save('one', { key: 'k', round: 1, upload: upload('2026-12-01T12:00:00Z') });
    await store.save('over', { key: 'k', round: 1, upload: upload('2026-11-24T11:59:59Z') });
    expect(await store.read('one')).toMatchObject({ key: 'k', round: 1 });
    expect([await store.read('over'), await store.read('other')]).toEqual([undefined, undefined]);
    for (const name of readdirSync(place)) expect(statSync(join(place, name)).mode & 0o777).toBe(0o600);
    expect(statSync(place).mode & 0o777).toBe(0o700);

    const later = createSessionStore(place, () => Date.now() + 8 * 86_400_000);
    await later.save('new', { key: 'k', round: 1, upload: upload('2100-01-01T00:00:00Z') });
    expect(readdirSync(place)).toHaveLength(1);
    await later.remove('new');
    expect(readdirSync(place)).toEqual([]);
  });

  test('that cannot be written do not fail a delivery', async () => {
    const file = join(folder, 'no-folder');
    writeFileSync(file, '');
    const store = createSessionStore(join(file, 'sessions'), () => now);
    await store.save('one', { key: 'k', round: 1, upload: upload('2026-12-01T12:00:00Z') });
    expect(await store.read('one')).toBeUndefined();
  });

  test('are stored in the user’s cache folder', () => {
    expect(cacheFolder({ XDG_CACHE_HOME: '/c' }, '/home/a')).toBe('/c/drive-courier/sessions');
    expect(cacheFolder({ XDG_CACHE_HOME: 'relative' }, '/home/a')).toBe('/home/a/.cache/drive-courier/sessions');
  });
});

describe('COURIER_GOOGLE_ORIGIN', () => {
  test.each(['https://evil.example', 'http://127.0.0.1.evil.example', 'http://localhost@evil.example', 'nonsense'])(
    '%s is rejected, since it would receive credentials',
    (origin) => {
      expect(() => rewriteFor(origin)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );

  test('replaces Google’s hosts and no others', () => {
    const rewrite = rewriteFor('http://127.0.0.1:9/');
    expect(rewrite('https://oauth2.googleapis.com/token')).toBe('http://127.0.0.1:9/oauth2.googleapis.com/token');
    for (const url of [
      'https://evilgoogleapis.com/x',
      'https://sts.eu.amazonaws.com',
      'https://googleapis.com.evil.example/',
    ])
      expect(rewrite(url)).toBe(url);
  });
});

test.each([
  ['report.CSV', 'text/csv'],
  ['a.b.tar', 'application/x-tar'],
  ['README', 'application/octet-stream'],
  ['.csv', 'application/octet-stream'],
])('%s is %s', (name, type) => expect(mediaTypeByName(name)).toBe(type));

test.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_024, '1.0 KiB'],
  [83_886_080, '80.0 MiB'],
  [5_497_558_138_880, '5.0 TiB'],
  [2 ** 60, '1048576 TiB'],
])('%i bytes are %s', (bytes, text) => expect(sizeText(bytes)).toBe(text));

test.each([
  [-1, '0 s'],
  [59.4, '59 s'],
  [185, '3:05 min'],
  [3_729, '1:02:09 h'],
])('%d seconds are %s', (seconds, text) => expect(durationText(seconds)).toBe(text));
