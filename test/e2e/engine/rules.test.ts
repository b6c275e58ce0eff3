import { hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { Source } from '../../../src/domain.ts';
import type { UploadRequest } from '../../../src/drive/drive.ts';
import { CourierError } from '../../../src/errors.ts';
import { sourceOf } from '../../support/courier/courier-drive.ts';
import type { Fault } from '../../support/drive/tiny-drive.ts';
import { uploadTo } from '../../support/drive/upload-to.ts';
import { bytesOf, create, createStart, failureOf, GRANULARITY, LARGE, SMALL } from './small-chunks.ts';

const start = createStart();

/** Yields some bytes and then fails. */
const cutSource = (bytes: Uint8Array, size: number | undefined): Source => ({
  size,
  mimeType: 'text/csv',
  async *open() {
    yield bytes;
    throw new CourierError('body-truncated');
  },
});

describe.each([
  ['small', SMALL],
  ['large', LARGE],
])('a %s file that differs from what was announced is never created', (_, bytes) => {
  test.each<[string, Partial<UploadRequest> & { source: Source }, string]>([
    ['cut, of known size', { source: cutSource(bytes.subarray(1), bytes.length) }, 'body-truncated'],
    ['cut, of unknown size', { source: cutSource(bytes, undefined) }, 'body-truncated'],
    ['ended early', { source: { ...sourceOf(bytes), size: bytes.length + 1 } }, 'body-truncated'],
    ['longer than announced', { source: { ...sourceOf(bytes), size: bytes.length - 1 } }, 'body-truncated'],
    ['whole, of known size, and ended by an error', { source: cutSource(bytes, bytes.length) }, 'body-truncated'],
    [
      'larger than allowed',
      { source: sourceOf(bytes, { hasKnownSize: false }), maxBytes: bytes.length - 1 },
      'too-large',
    ],
    [
      'of another digest',
      { source: sourceOf(bytes), expectedSha256: hash('sha256', Buffer.from('other')) },
      'digest-mismatch',
    ],
    [
      'refused by the story',
      {
        source: sourceOf(bytes, { hasKnownSize: false }),
        beforeCommit: async () => {
          throw new CourierError('idempotency-key-reused');
        },
      },
      'idempotency-key-reused',
    ],
  ])('%s', async (_, request, code) => {
    const { tiny, drive } = await start();
    const failure = await failureOf(uploadTo(drive, { target: create(), maxBytes: 1e6, ...request }));
    expect(failure).toMatchObject({ code });
    expect(tiny.files.size).toBe(0);
    expect(tiny.sessions.size).toBe(0);
  });

  test('and a matching one is committed once, with its hash and size', async () => {
    const { tiny, drive } = await start();
    const committed: unknown[] = [];
    const uploaded = await uploadTo(drive, {
      target: create(),
      source: sourceOf(bytes, { hasKnownSize: false }),
      maxBytes: bytes.length,
      expectedSha256: hash('sha256', bytes),
      beforeCommit: async (whole) => {
        expect(tiny.files.size).toBe(0);
        committed.push(whole);
      },
    });
    expect(committed).toEqual([{ sha256: hash('sha256', bytes), size: bytes.length }]);
    expect(uploaded).toMatchObject({ kind: 'stored' });
  });
});

describe.each([
  ['small', SMALL],
  ['large', LARGE],
])('a %s file whose id exists', (_, bytes) => {
  const began = async (properties: Record<string, string> = {}) => {
    const started = await start();
    const first = sourceOf(Buffer.from('first'));
    await uploadTo(started.drive, {
      target: create('one', { appProperties: properties }),
      source: first,
      maxBytes: 1e6,
    });
    return started;
  };

  test('returns the existing file and the hash of the received bytes', async () => {
    const { tiny, drive } = await began();
    const again = await uploadTo(drive, { target: create(), source: sourceOf(bytes), maxBytes: 1e6 });
    expect(again).toMatchObject({ kind: 'exists', sha256: hash('sha256', bytes), size: bytes.length });
    expect(again.file.sha256Checksum).toBe(hash('sha256', Buffer.from('first')));
    expect(tiny.files.get('one')?.revisions).toHaveLength(1);
  });

  test('is rejected when the received bytes differ from what was announced', async () => {
    const { drive } = await began();
    const request = {
      target: create(),
      source: sourceOf(bytes),
      maxBytes: 1e6,
      expectedSha256: hash('sha256', Buffer.from('x')),
    };
    expect(await failureOf(uploadTo(drive, request))).toMatchObject({ code: 'digest-mismatch' });
  });

  test('gets the bytes as its next revision if requested', async () => {
    const { tiny, drive } = await began();
    const again = await uploadTo(drive, {
      target: create(),
      source: sourceOf(bytes),
      ifExists: 'replace',
      maxBytes: 1e6,
    });
    expect(again).toMatchObject({ kind: 'stored', file: { id: 'one', sha256Checksum: hash('sha256', bytes) } });
    expect(tiny.files.get('one')?.revisions.map((bytes) => hash('sha256', bytes))).toEqual([
      hash('sha256', Buffer.from('first')),
      hash('sha256', bytes),
    ]);
  });

  test('is verified and not written again if this attempt created it', async () => {
    const { tiny, drive } = await began({ courierTry: 'mine' });
    const target = create('one', { appProperties: { courierTry: 'mine' } });
    const request = { target, source: sourceOf(bytes), ifExists: 'replace', maxBytes: 1e6 } as const;
    expect(await failureOf(uploadTo(drive, request))).toMatchObject({ code: 'drive-unavailable' });
    expect(tiny.files.size).toBe(0);
  });
});

describe.each([
  ['small', SMALL],
  ['large', LARGE],
])('a %s file whose folder was deleted', (_, bytes) => {
  const target = create('one', { folderId: 'gone' });
  test('goes to the replacement folder, from the same bytes', async () => {
    const { tiny, drive } = await start();
    const otherFolder = async (): Promise<string> => 'created again';
    await uploadTo(drive, { target, source: sourceOf(bytes), maxBytes: 1e6, otherFolder });
    expect(tiny.files.get('one')).toMatchObject({ parents: ['created again'] });
  });

  test.each([
    ['no other folder', async () => undefined],
    ['another one that was removed as well', async () => 'gone'],
  ])('fails with %s', async (_, otherFolder) => {
    const { tiny, drive, budget } = await start();
    const failure = await failureOf(uploadTo(drive, { target, source: sourceOf(bytes), maxBytes: 1e6, otherFolder }));
    expect(failure).toMatchObject({ code: 'folder-not-found' });
    expect(tiny.files.size).toBe(0);
    expect(budget.gauges().used).toBe(0);
  });
});

describe('replacing', () => {
  test.each([
    ['small', SMALL],
    ['large', LARGE],
  ])(
    'replaces a %s file under the same id, and restores the previous revision if Drive corrupts the new one',
    async (_, bytes) => {
      let wrong: Fault | undefined;
      const { tiny, drive } = await start(({ bytes }) => (bytes > 0 ? wrong : undefined));
      await uploadTo(drive, { target: create(), source: sourceOf(Buffer.from('first')), maxBytes: 1e6 });
      const target = { kind: 'replace', id: 'one', mimeType: 'text/csv' } as const;
      const replaced = await uploadTo(drive, { target, source: sourceOf(bytes), maxBytes: 1e6 });
      expect(replaced).toMatchObject({
        kind: 'stored',
        file: { id: 'one', sha256Checksum: hash('sha256', bytes) },
      });
      wrong = 'byte-corrupted';
      expect(await failureOf(uploadTo(drive, { target, source: sourceOf(bytes), maxBytes: 1e6 }))).toMatchObject({
        code: 'drive-unavailable',
      });
      expect(tiny.files.get('one')?.revisions.map((bytes) => hash('sha256', bytes))).toEqual([
        hash('sha256', Buffer.from('first')),
        hash('sha256', bytes),
      ]);
    },
  );

  test('a file that was deleted meanwhile fails with a transient error', async () => {
    const { drive } = await start();
    const target = { kind: 'replace', id: 'gone', mimeType: 'text/csv' } as const;
    const failure = await failureOf(uploadTo(drive, { target, source: sourceOf(SMALL), maxBytes: 1e6 }));
    expect(failure).toMatchObject({ code: 'drive-unavailable' });
  });
});

test('a failed upload releases its source immediately', async () => {
  const { drive } = await start(undefined, 4);
  let released = false;
  const source: Source = {
    ...sourceOf(LARGE, { hasKnownSize: false }),
    async *open() {
      try {
        for (let at = 0; at < 10; at++) yield LARGE;
        await new Promise(() => undefined);
      } finally {
        released = true;
      }
    },
  };
  const target = create('one', { folderId: 'gone' });
  expect(await failureOf(uploadTo(drive, { target, source, maxBytes: 1e6 }))).toMatchObject({
    code: 'folder-not-found',
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(released).toBe(true);
});

test.each([1, 3])(
  'fifty concurrent uploads of %i block(s) with one id create one file, and all of them return it',
  async (blocks) => {
    const { tiny, drive } = await start(undefined, 40);
    const bytes = bytesOf(blocks * 3 * GRANULARITY);
    const uploads = Array.from({ length: 50 }, () =>
      uploadTo(drive, { target: create(), source: sourceOf(bytes, { pieces: [11] }), maxBytes: 1e6 }),
    );
    const uploaded = await Promise.all(uploads);
    expect(tiny.files.get('one')?.revisions.map((bytes) => hash('sha256', bytes))).toEqual([hash('sha256', bytes)]);
    expect(uploaded.filter(({ kind }) => kind === 'stored')).toHaveLength(1);
    expect(new Set(uploaded.map(({ file, sha256 }) => `${file.id} ${sha256}`)).size).toBe(1);
  },
);

test('many concurrent uploads share one small buffer budget, and all succeed', async () => {
  const { tiny, drive } = await start(undefined, 6);
  const uploads = Array.from({ length: 60 }, (_, turn) => bytesOf(turn * 17));
  await Promise.all(
    uploads.map((bytes, turn) =>
      uploadTo(drive, {
        target: create(`file-${turn}`),
        source: sourceOf(bytes, { pieces: [1 + turn], hasKnownSize: turn % 2 === 0 }),
        maxBytes: 1e6,
      }),
    ),
  );
  for (const [turn, bytes] of uploads.entries()) {
    expect(tiny.files.get(`file-${turn}`)?.revisions.map((bytes) => hash('sha256', bytes))).toEqual([
      hash('sha256', bytes),
    ]);
  }
});
