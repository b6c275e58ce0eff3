import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { CallContext, DriveFile, UploadTarget } from '../../../../src/drive/drive.ts';
import { verify } from '../../../../src/drive/upload/verify.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const SENT = { sha256: createHash('sha256').update('abc').digest('hex'), size: 3 };
const RIGHT = driveFile({ sha256Checksum: SENT.sha256 });
const WRONG = driveFile({ sha256Checksum: 'e'.repeat(64) });
const CREATE: UploadTarget = {
  kind: 'create',
  file: { id: 'f1', name: 'report.csv', mimeType: 'text/csv', folderId: 'folder' },
};
const REPLACE: UploadTarget = { kind: 'replace', id: 'f1', mimeType: 'text/csv', formerRevisionId: 'r1' };

interface Setting {
  target?: UploadTarget;
  file?: DriveFile;
  isAnswer?: boolean;
  /** What Drive shows of the file later. */
  shown?: DriveFile;
  isGone?: boolean;
  revisions?: readonly string[] | undefined;
  isRemoved?: boolean;
  cannotRemove?: boolean;
}

const run = async ({
  target = CREATE,
  file = WRONG,
  isAnswer = true,
  shown = { ...WRONG, headRevisionId: 'r1' },
  isGone = false,
  revisions,
  isRemoved = true,
  cannotRemove = false,
}: Setting) => {
  const calls: string[] = [];
  const onUndo = () => undefined as never;
  const note = (call: string, { deadlineMs, onSend }: CallContext): void => {
    // The holder of the lease learns of each request that removes something.
    expect(onSend).toBe(onUndo);
    calls.push(deadlineMs === undefined ? call : `${call} by ${deadlineMs}`);
    if (cannotRemove) throw new Error('down');
  };
  const log = createKeptLog();
  const verifier = {
    files: {
      get: async () => (isGone ? undefined : shown),
      revisions: async () => revisions?.map((id) => ({ id, md5Checksum: undefined })),
      async removeUnchanged({ id }: DriveFile, context: object) {
        note(`removeUnchanged ${id}`, context);
        return isRemoved;
      },
      async removeRevision(id: string, revisionId: string, context: object) {
        note(`removeRevision ${id} ${revisionId}`, context);
        return isRemoved;
      },
    },
    ...{ request: { beforeUndo: async () => ({ onSend: onUndo }) }, now: () => 1_000, log },
    source: { received: async () => SENT, md5: async () => createHash('md5').update('abc').digest('hex') },
  };
  const outcome = await verify(verifier, target, { kind: 'written', file, isAnswer }).then(
    (result) => (result.kind === 'id-unusable' ? `${result.kind} ${result.why} ${result.error.code}` : result.kind),
    (error: { code: string }) => error.code,
  );
  return { outcome, calls, log: log.lines };
};

test('the right bytes are stored, and nothing is removed', async () => {
  expect(await run({ file: RIGHT })).toEqual({ outcome: 'stored', calls: [], log: [] });
});

test('a converted document has no checksum, and is stored', async () => {
  const mimeType = 'application/vnd.google-apps.document';
  expect(await run({ file: driveFile({ mimeType, size: undefined }) })).toMatchObject({ outcome: 'stored', calls: [] });
});

test('a checksum that the answer lacks is looked up', async () => {
  const file = driveFile({ sha256Checksum: undefined });
  expect(await run({ file, shown: RIGHT })).toEqual({ outcome: 'stored', calls: [], log: [] });
  expect(await run({ file, shown: WRONG })).toMatchObject({ outcome: 'id-unusable removed drive-unavailable' });
});

test('a file that Drive does not show later is compared by its answer', async () => {
  const md5Checksum = createHash('md5').update('abc').digest('hex');
  const file = driveFile({ sha256Checksum: undefined, md5Checksum });
  expect(await run({ file, isGone: true })).toMatchObject({ outcome: 'stored', calls: [] });
});

const STAYS = /^warn the file was not removed/;
const FAILED = /^error wrong bytes could not be removed/;
const has = (log: readonly string[], pattern: RegExp): boolean => log.some((line) => pattern.test(line));

describe('wrong bytes in a new file', () => {
  const UNDONE = 'id-unusable removed drive-unavailable';

  test.each<[string, Setting, string, string[]]>([
    ['are removed with it', {}, UNDONE, ['removeUnchanged f1 by 16000']],
    [
      'stay where somebody has changed the file',
      { isRemoved: false },
      'drive-unavailable',
      ['removeUnchanged f1 by 16000'],
    ],
    ['stay in a file that was moved', { file: { ...WRONG, parents: ['archive'] } }, 'drive-unavailable', []],
    ['stay in a file that was renamed', { file: { ...WRONG, name: 'kept.csv' } }, 'drive-unavailable', []],
    ['stay where they cannot be removed', { cannotRemove: true }, 'drive-unavailable', ['removeUnchanged f1 by 16000']],
    [
      'seen later are removed if its revision is the only one',
      { isAnswer: false, revisions: ['r2'] },
      UNDONE,
      ['removeUnchanged f1 by 16000'],
    ],
    ['seen later stay after another revision', { isAnswer: false, revisions: ['r1', 'r2'] }, 'drive-unavailable', []],
    [
      'seen later stay where the head is another revision',
      { isAnswer: false, revisions: ['r1'] },
      'drive-unavailable',
      [],
    ],
    ['seen later stay where Drive lists no revisions', { isAnswer: false }, 'drive-unavailable', []],
  ])('%s', async (_, setting, outcome, calls) => {
    const result = await run(setting);
    expect(result).toMatchObject({ outcome, calls });
    expect(result.log[0]).toMatch(/^error .*"replaced":false/);
    expect(has(result.log, STAYS)).toBe(outcome !== UNDONE);
    expect(has(result.log, FAILED)).toBe(setting.cannotRemove === true);
  });
});

describe('wrong bytes in a replaced file', () => {
  const REMOVED = ['removeRevision f1 r2 by 16000'];
  const late = { isAnswer: false } as const;

  test.each<[string, Setting, string[]]>([
    ['are removed by their revision', {}, REMOVED],
    ['stay where their revision is not known', { file: { ...WRONG, headRevisionId: undefined } }, []],
    ['seen later are removed if it is the only one since', { ...late, revisions: ['r0', 'r1', 'r2'] }, REMOVED],
    ['seen later stay after another revision', { ...late, revisions: ['r1', 'r2', 'r3'] }, []],
    ['seen later stay where the head is another revision', { ...late, revisions: ['r1', 'r3'] }, []],
    ['seen later stay where the former revision is not listed', { ...late, revisions: ['r2'] }, []],
    [
      'seen later stay where the former revision is not known',
      { ...late, revisions: ['r2'], target: { kind: 'replace', id: 'f1', mimeType: 'text/csv' } },
      [],
    ],
  ])('%s', async (_, setting, calls) => {
    const result = await run({ target: REPLACE, ...setting });
    expect(result).toMatchObject({ outcome: 'drive-unavailable', calls });
    expect(result.log[0]).toMatch(/^error .*"replaced":true/);
    expect(has(result.log, STAYS)).toBe(calls.length === 0);
    expect(has(result.log, FAILED)).toBe(false);
  });

  test('are reported as removed, or as still there', async () => {
    expect(has((await run({ target: REPLACE })).log, STAYS)).toBe(false);
    expect(has((await run({ target: REPLACE, isRemoved: false })).log, STAYS)).toBe(true);
  });
});
