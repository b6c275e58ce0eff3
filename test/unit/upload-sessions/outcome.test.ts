import { describe, expect, test } from '@jest/globals';
import type { DriveFile } from '../../../src/drive/drive.ts';
import { CourierError } from '../../../src/errors.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { judge, look, OVER, type UploadView, undo } from '../../../src/upload-sessions/outcome.ts';
import { type DirectDependencies, type Session, verdictKey } from '../../../src/upload-sessions/session.ts';
import { driveFile } from '../../support/drive/drive-file.ts';

const SHA256 = 'a'.repeat(64);
const OTHER_SHA256 = 'e'.repeat(64);

type Status = { state: 'open'; stored: number } | { state: 'done'; fileId: string } | { state: 'gone' | 'refused' };

const DONE: Status = { state: 'done', fileId: 'f1' };
const GONE: Status = { state: 'gone' };

interface Setting {
  kind?: 'create' | 'replace';
  /** What the session answers, in order; the last answer is repeated. */
  statuses?: Status[];
  /** What Drive shows of the file, in order; the last answer is repeated. */
  files?: (DriveFile | undefined)[];
  revisions?: readonly string[] | undefined;
  former?: string;
  isFolderMissing?: boolean;
  /** The destination's own folder is missing as well. */
  isRootMissing?: boolean;
  path?: string;
}

const viewOf = ({
  kind = 'create',
  statuses = [DONE],
  files = [driveFile()],
  revisions,
  former,
  isFolderMissing = false,
  isRootMissing = false,
  path = '',
}: Setting) => {
  const calls: string[] = [];
  const next = <Answer>(answers: Answer[]): Answer | undefined => (answers.length > 1 ? answers.shift() : answers[0]);
  const drive = {
    sessionStatus: async () => next(statuses),
    get: async () => next(files),
    revisions: async () => revisions?.map((id) => ({ id })),
    async inspectFolder(id: string) {
      if (id === 'root' ? isRootMissing : isFolderMissing) throw new CourierError('folder-not-found');
    },
    async removeUnchanged(file: DriveFile) {
      calls.push(`removeUnchanged ${file.id}`);
      return true;
    },
    async removeRevision(id: string, revisionId: string) {
      calls.push(`removeRevision ${id} ${revisionId}`);
      return true;
    },
  };
  const session: Session = {
    callerSub: '1',
    options: { destination: 'd', name: 'report.csv', path, size: 3, mimeType: 'text/csv' },
    plan: { kind, fileId: 'f1', folderId: 'folder' },
    ...(former === undefined ? {} : { formerRevisionId: former }),
    ...{ sessionUri: 'https://session', expiresAtMs: 1 },
  };
  const view = {
    ...{ session, context: {}, request: { destination: { drive, config: { folder: 'root' } } } },
    sleep: async (ms: number) => void calls.push(`sleep ${ms}`),
  } as unknown as UploadView;
  return { view, calls };
};

const seenIn = async (setting: Setting, sha256?: string): Promise<string> =>
  look(viewOf(setting).view, sha256).then(
    ({ seen }) => seen,
    (error: CourierError) => error.code,
  );

describe('a new file of a session', () => {
  test.each<[string, Setting, string | undefined, string]>([
    ['with the announced bytes is whole', {}, SHA256, 'whole'],
    ['with the announced bytes is whole, although the session is forgotten', { statuses: [GONE] }, SHA256, 'whole'],
    ['without announced bytes is whole by its only revision', { revisions: ['r2'] }, undefined, 'whole'],
    ['without announced bytes is not judged after another revision', { revisions: ['r1', 'r2'] }, undefined, 'gone'],
    [
      'without announced bytes is not judged by a forgotten session',
      { ...{ statuses: [GONE] }, revisions: ['r2'] },
      undefined,
      'gone',
    ],
    ['has other bytes than were announced', { revisions: ['r2'] }, OTHER_SHA256, 'other-bytes'],
    [
      'of another size has other bytes',
      { files: [driveFile({ size: 4 })], revisions: ['r2'] },
      undefined,
      'other-bytes',
    ],
    [
      'of another size has other bytes, with any checksum',
      { files: [driveFile({ size: 4 })], revisions: ['r2'] },
      SHA256,
      'other-bytes',
    ],
    ['that a person has edited since does not count as its', { revisions: ['r1', 'r2'] }, OTHER_SHA256, 'gone'],
    ['whose head is not the listed revision does not count as its', { revisions: ['r1'] }, OTHER_SHA256, 'gone'],
    ['whose revisions are not listed does not count as its', {}, OTHER_SHA256, 'gone'],
    ['in the trash', { files: [driveFile({ trashed: true })] }, SHA256, 'trashed'],
    ['renamed since is whole', { files: [driveFile({ name: 'x' })] }, SHA256, 'whole'],
    ['that is shown late is whole', { files: [undefined, undefined, driveFile()] }, SHA256, 'whole'],
    ['that is not shown', { files: [undefined] }, SHA256, 'gone'],
    ['that is not shown, nor its folder', { files: [undefined], isFolderMissing: true }, SHA256, 'folder-not-found'],
    [
      'that is not shown, nor its folder below that of the destination',
      { files: [undefined], isFolderMissing: true, path: 'reports' },
      SHA256,
      'gone',
    ],
    [
      'that is not shown, nor any folder',
      { files: [undefined], isFolderMissing: true, isRootMissing: true, path: 'reports' },
      SHA256,
      'folder-not-found',
    ],
    [
      'with the announced bytes is whole, also without a head revision',
      { ...{ statuses: [GONE] }, files: [driveFile({ headRevisionId: undefined })] },
      SHA256,
      'whole',
    ],
    [
      'without a checksum is not judged by a forgotten session',
      { ...{ statuses: [GONE] }, files: [driveFile({ sha256Checksum: undefined })] },
      undefined,
      'gone',
    ],
    [
      'without a checksum is not judged by the announced bytes',
      { files: [driveFile({ sha256Checksum: undefined })], revisions: ['r2'] },
      SHA256,
      'drive-unavailable',
    ],
    [
      'whose checksum is shown late is whole',
      { files: [driveFile({ sha256Checksum: undefined }), driveFile()], revisions: ['r2'] },
      SHA256,
      'whole',
    ],
    ['that is not complete', { statuses: [{ state: 'open', stored: 1 }] }, SHA256, 'upload-incomplete'],
    ['whose session does not report its state', { statuses: [{ state: 'refused' }] }, SHA256, 'upload-incomplete'],
    ['whose session is found late is whole', { statuses: [GONE, GONE, DONE], revisions: ['r2'] }, undefined, 'whole'],
  ])('%s', async (_, setting, sha256, seen) => {
    expect(await seenIn(setting, sha256)).toBe(seen);
  });

  test('is waited for in growing steps before "not found" is believed', async () => {
    const { view, calls } = viewOf({ files: [undefined] });
    await look(view, SHA256);
    expect(calls).toEqual(['sleep 500', 'sleep 1500', 'sleep 3000']);
  });

  test('that is shown at once is not waited for', async () => {
    const { view, calls } = viewOf({});
    await look(view, SHA256);
    expect(calls).toEqual([]);
  });
});

describe('a file that a session replaces', () => {
  const replaced = { kind: 'replace', former: 'r1', revisions: ['r1', 'r2'] } as const;
  const moved = { files: [driveFile({ parents: ['other'] })] };
  const before = { files: [driveFile({ headRevisionId: 'r1' })] };

  test.each<[string, Setting, string | undefined, string]>([
    ['is whole by the only revision since', replaced, undefined, 'whole'],
    ['is whole by its checksum', { ...replaced, revisions: undefined }, SHA256, 'whole'],
    [
      'is not judged where there is another revision',
      { ...replaced, revisions: ['r1', 'r2', 'r3'] },
      undefined,
      'gone',
    ],
    ['is not judged where the former revision is not listed', { ...replaced, revisions: ['r2'] }, undefined, 'gone'],
    ['is not judged where the former revision is not known', { ...replaced, former: 'r9' }, undefined, 'gone'],
    ['has other bytes than were announced', replaced, OTHER_SHA256, 'other-bytes'],
    [
      'had the announced bytes before, and the session is forgotten',
      { ...replaced, ...before, statuses: [GONE] },
      SHA256,
      'gone',
    ],
    ['has the announced bytes since, and the session is forgotten', { ...replaced, statuses: [GONE] }, SHA256, 'whole'],
    ['had the announced bytes before, and the session has ended', { ...replaced, ...before }, SHA256, 'whole'],
    ['was moved, with the bytes in it', { ...replaced, ...moved }, SHA256, 'moved'],
    ['was moved and written to by others', { ...replaced, ...moved, revisions: ['r1', 'r2', 'r3'] }, SHA256, 'gone'],
    ['was renamed, with the bytes in it', { ...replaced, files: [driveFile({ name: 'x' })] }, SHA256, 'moved'],
  ])('%s', async (_, setting, sha256, seen) => {
    expect(await seenIn(setting, sha256)).toBe(seen);
  });
});

describe('the verdict of an upload', () => {
  test('is that of the first try, with the revision that it saw', async () => {
    const now = () => 1_000;
    const dependencies = { ledger: createMemoryLedger({ now }), now } as unknown as DirectDependencies;
    const first = { verdict: 'whole', revisionId: 'r2' };
    expect(await judge(dependencies, 'id', driveFile(), 'whole')).toEqual({ ...first, mine: true });
    expect(await judge(dependencies, 'id', undefined, 'gone')).toEqual({ ...first, mine: false });
    expect(await judge(dependencies, 'other', undefined, 'gone')).toEqual({ verdict: 'gone', mine: true });
    // An entry that is not "done" is never evicted while it counts.
    const entry = await dependencies.ledger.read(verdictKey('id'));
    expect(entry).toMatchObject({ fileId: '', fingerprint: '', state: 'claimed', claimedAtMs: 1_000, record: first });
  });

  test.each([
    ['other-bytes', 'digest-mismatch'],
    ['trashed', 'upload-incomplete'],
    ['moved', 'upload-incomplete'],
    ['gone', 'upload-incomplete'],
  ] as const)('"%s" is reported as %s', (over, code) => {
    expect(OVER[over]()).toMatchObject({ code });
    expect(OVER[over](driveFile())).toMatchObject({ code });
  });
});

describe('wrong bytes', () => {
  test.each<[string, 'create' | 'replace', string | undefined, string[]]>([
    ['of a new file are removed with it', 'create', 'r2', ['removeUnchanged f1']],
    ['of a replaced file are removed by their revision', 'replace', 'r2', ['removeRevision f1 r2']],
    ['of a replaced file stay where their revision is not known', 'replace', undefined, []],
  ])('%s', async (_, kind, revisionId, expected) => {
    const { view, calls } = viewOf({ kind });
    await undo(view, driveFile(), { verdict: 'other-bytes', ...(revisionId === undefined ? {} : { revisionId }) });
    expect(calls).toEqual(expected);
  });
});
