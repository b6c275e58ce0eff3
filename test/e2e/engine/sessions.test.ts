import { hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { Source } from '../../../src/domain.ts';
import { CourierError } from '../../../src/errors.ts';
import { sourceOf } from '../../support/courier/courier-drive.ts';
import { uploadTo } from '../../support/drive/upload-to.ts';
import { create, createStart, failureOf, GRANULARITY, isChunk, LARGE, SMALL } from './small-chunks.ts';

const start = createStart();

describe('sessions', () => {
  test('cost one call, plus one for each chunk', async () => {
    const { tiny, drive } = await start(undefined, 8);
    await uploadTo(drive, { target: create(), source: sourceOf(LARGE, { pieces: [7] }), maxBytes: 1e6 });
    // An upload that runs alone may hold four of eight blocks, two of them in flight.
    const chunk = 2 * GRANULARITY;
    expect(tiny.requests).toHaveLength(1 + Math.ceil(LARGE.length / chunk));
    const ranges = tiny.requests.filter(isChunk).map(({ headers }) => headers['content-range']);
    expect(ranges[0]).toBe(`bytes 0-${chunk - 1}/500`);
    expect(ranges.at(-1)).toBe('bytes 480-499/500');
  });

  test('tolerate five errors of one chunk in a row', async () => {
    let refused = 0;
    const { tiny, drive } = await start(({ method, bytes }) =>
      method === 'PUT' && bytes > 0 && ++refused <= 5 ? 'unavailable' : undefined,
    );
    await uploadTo(drive, { target: create(), source: sourceOf(LARGE), maxBytes: 1e6 });
    expect(tiny.files.get('one')?.revisions.map((bytes) => hash('sha256', bytes))).toEqual([hash('sha256', LARGE)]);
  });

  test('send "*" until the size is known', async () => {
    const { tiny, drive } = await start();
    await uploadTo(drive, { target: create(), source: sourceOf(LARGE, { hasKnownSize: false }), maxBytes: 1e6 });
    const ranges = tiny.requests.filter(isChunk).map(({ headers }) => headers['content-range'] ?? '');
    expect(ranges.slice(0, -1).every((range) => range.endsWith('/*'))).toBe(true);
    expect(ranges.at(-1)).toMatch(/-499\/500$/);
  });

  test('carry no bearer token', async () => {
    const { tiny, drive } = await start();
    await uploadTo(drive, { target: create(), source: sourceOf(LARGE), maxBytes: 1e6 });
    expect(tiny.requests.filter(isChunk).map(({ headers }) => headers.authorization)).not.toContain('Bearer ya29.test');
    expect(tiny.requests[0]?.headers.authorization).toBe('Bearer ya29.test');
  });

  test('that Drive has forgotten restart if the source can be reopened, and fail otherwise', async () => {
    for (const isSeekable of [true, false]) {
      let puts = 0;
      const { tiny, drive } = await start(({ method }) =>
        method === 'PUT' && ++puts === 4 ? 'session-forgotten' : undefined,
      );
      const work = uploadTo(drive, { target: create(), source: sourceOf(LARGE, { isSeekable }), maxBytes: 1e6 });
      if (isSeekable) expect(await work).toMatchObject({ sha256: hash('sha256', LARGE) });
      else expect(await failureOf(work)).toMatchObject({ code: 'drive-unavailable' });
      expect(tiny.files.size).toBe(isSeekable ? 1 : 0);
    }
  });

  test('resume where an earlier attempt stopped, and still verify every byte', async () => {
    let puts = 0;
    const { tiny, drive } = await start(({ method }) => (method === 'PUT' && ++puts > 4 ? 'unavailable' : undefined));
    const kept: string[] = [];
    const keep = async (uri: string): Promise<void> => void kept.push(uri);
    const request = { target: create(), source: sourceOf(LARGE, { isSeekable: true }), maxBytes: 1e6 };
    expect(await failureOf(uploadTo(drive, { ...request, keepSession: keep }))).toMatchObject({
      code: 'drive-unavailable',
    });
    const [sessionUri = ''] = kept;
    const [session] = tiny.sessions.values();
    const stored = session?.stored ?? 0;
    expect(stored).toBeGreaterThan(0);
    puts = Number.NEGATIVE_INFINITY;
    tiny.requests.length = 0;
    const resumed = await uploadTo(drive, { ...request, sessionUri, keepSession: keep });
    expect(resumed).toMatchObject({ sha256: hash('sha256', LARGE), size: 500, kind: 'stored' });
    expect(tiny.files.get('one')?.revisions.map((bytes) => hash('sha256', bytes))).toEqual([hash('sha256', LARGE)]);
    expect(tiny.requests.filter(isChunk).reduce((sum, { bytes }) => sum + bytes, 0)).toBe(500 - stored);
    // Resume again: the session is complete, and returns its file.
    const done = await uploadTo(drive, { ...request, sessionUri, keepSession: keep });
    expect(done).toMatchObject({ sha256: hash('sha256', LARGE), kind: 'exists', file: { id: 'one' } });
    // Resume once more, with a session that Drive does not know.
    tiny.sessions.clear();
    tiny.files.clear();
    expect(await uploadTo(drive, { ...request, sessionUri, keepSession: keep })).toMatchObject({ kind: 'stored' });
    expect(kept).toHaveLength(2);
  });

  test.each([
    ['kept for a later try', true],
    ['cancelled', false],
  ])('of a cancelled request are %s', async (_, resumable) => {
    const { tiny, drive } = await start();
    const giveUp = new AbortController();
    const source: Source = {
      ...sourceOf(LARGE, { isSeekable: true }),
      async *open() {
        yield LARGE.subarray(0, 200);
        giveUp.abort(new CourierError('shutting-down'));
        await new Promise(() => undefined);
      },
    };
    const keep = resumable ? { keepSession: async () => undefined } : {};
    const request = { target: create(), source, maxBytes: 1e6, signal: giveUp.signal, ...keep };
    expect(await failureOf(uploadTo(drive, request))).toMatchObject({ code: 'shutting-down' });
    expect(tiny.sessions.size).toBe(resumable ? 1 : 0);
    expect(tiny.files.size).toBe(0);
  });

  test('stop well before the deadline', async () => {
    const { tiny, drive } = await start();
    const source: Source = {
      ...sourceOf(LARGE),
      async *open() {
        yield LARGE.subarray(0, 200);
        await new Promise(() => undefined);
      },
    };
    const startMs = Date.now();
    const request = { target: create(), source, maxBytes: 1e6, deadlineMs: startMs + 2_300 };
    expect(await failureOf(uploadTo(drive, request))).toMatchObject({ code: 'drive-unavailable' });
    expect(Date.now() - startMs).toBeLessThan(1_500);
    expect(tiny.files.size).toBe(0);
  });

  test('of a conversion create one file without an id, and query the result after a lost last response', async () => {
    const { tiny, drive } = await start(({ headers }) =>
      /-49\/50$/.test(headers['content-range'] ?? '') ? 'answer-lost' : undefined,
    );
    const target = {
      kind: 'create',
      file: { name: 'r', mimeType: 'text/csv', folderId: 'f', convertTo: 'application/vnd.google-apps.spreadsheet' },
    } as const;
    const uploaded = await uploadTo(drive, { target, source: sourceOf(SMALL), maxBytes: 1e6 });
    expect(uploaded).toMatchObject({
      kind: 'stored',
      sha256: hash('sha256', SMALL),
      file: { mimeType: 'application/vnd.google-apps.spreadsheet' },
    });
    expect(tiny.files.size).toBe(1);
  });
});

test('a conversion with an unknown outcome is not repeated', async () => {
  let asked = 0;
  const { tiny, drive } = await start(({ headers }) => {
    const range = headers['content-range'] ?? '';
    if (/-49\/50$/.test(range)) return asked === 0 ? 'answer-lost' : undefined;
    return range === 'bytes */50' && ++asked === 1 ? 'session-forgotten' : undefined;
  });
  const target = {
    kind: 'create',
    file: { name: 'r', mimeType: 'text/csv', folderId: 'f', convertTo: 'x/y' },
  } as const;
  const failure = await failureOf(
    uploadTo(drive, { target, source: sourceOf(SMALL, { isSeekable: true }), maxBytes: 1e6 }),
  );
  expect(failure).toMatchObject({ code: 'drive-unavailable' });
  expect(tiny.files.size).toBe(1);
});
