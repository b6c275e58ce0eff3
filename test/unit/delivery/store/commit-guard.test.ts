import { describe, expect, test } from '@jest/globals';
import { type Claim, claimPlan, KEY_PROPERTY, keyMark } from '../../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../../src/delivery/plan.ts';
import type { DeliveryContext } from '../../../../src/delivery/resolve-options.ts';
import { createCommitGuard } from '../../../../src/delivery/store/commit-guard.ts';
import type { UploadStep } from '../../../../src/delivery/store/upload-step.ts';
import type { DriveFile, ReceivedBytes, UploadTarget } from '../../../../src/drive/drive.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';

/** Runs the guard just before bytes are committed to a file, against a Drive that consists of the given files. */

const FOLDER = 'folder';
const NAME = 'report.csv';
const SHA256 = 'a'.repeat(64);
const MD5 = 'b'.repeat(32);
const BYTES: ReceivedBytes = { sha256: SHA256, md5: MD5, size: 1 };
const FILE: DriveFile = {
  ...{ id: 'f1', name: NAME, mimeType: 'text/csv', size: 1, parents: [FOLDER], trashed: false },
  ...{ webViewLink: '', createdTime: '', modifiedTime: '', appProperties: {} },
  ...{ sha256Checksum: 'c'.repeat(64), md5Checksum: 'd'.repeat(32), headRevisionId: 'r2' },
};
const REPLACE: Plan = { kind: 'replace', fileId: 'f1', folderId: FOLDER, formerRevisionId: 'r1' };
const CREATE: Plan = { kind: 'create', fileId: 'f1', folderId: FOLDER, rule: 'replace', nameKey: 'name' };
const TO_REPLACE: UploadTarget = { kind: 'replace', id: 'f1', mimeType: 'text/csv', formerRevisionId: 'r1' };
const TO_CREATE: UploadTarget = {
  kind: 'create',
  file: { id: 'f1', name: NAME, mimeType: 'text/csv', folderId: FOLDER },
};

interface Setting {
  plan: Plan;
  files?: readonly DriveFile[];
  /** The search results, if they differ from the files. */
  found?: readonly string[];
  revisions?: readonly { id: string; md5Checksum: string }[];
  /** The age of the plan in milliseconds. */
  ageMs?: number;
  isFirstTry?: boolean;
  /** How long Drive takes for each list of revisions, in milliseconds; 0 for further ones. */
  revisionsMs?: readonly number[];
  /** A person changes the files while Drive lists the revisions. */
  later?: readonly DriveFile[];
}

const guardOf = async ({
  plan,
  files: first = [],
  found,
  revisions = [],
  ageMs = 0,
  isFirstTry = true,
  revisionsMs = [],
  later,
}: Setting) => {
  const looks: string[] = [];
  const slow = [...revisionsMs];
  let files = first;
  let nowMs = 1_000_000;
  const drive = {
    async get(id: string) {
      looks.push(`get ${id}`);
      return files.find((file) => file.id === id);
    },
    async find() {
      looks.push('find');
      return (found ?? files.map(({ id }) => id)).map((id) => ({ ...FILE, id }));
    },
    async revisions() {
      nowMs += slow.shift() ?? 0;
      files = later ?? files;
      return revisions;
    },
    newId: async () => 'new-id',
  };
  const now = () => nowMs;
  // Leases are not renewed.
  const sleep = async (ms: number): Promise<void> => {
    if (ms > 3_000) await new Promise(() => undefined);
    nowMs += ms;
  };
  const ledger = createMemoryLedger({ now });
  const claimIt = async (): Promise<Claim | undefined> => {
    const key = { state: 'free', key: 'delivery:k', fingerprint: 'print' } as const;
    const claimed = await claimPlan({ ledger, request: { sinceMs: now() } } as DeliveryContext, {
      state: 'planned',
      key,
      plan,
    });
    return claimed.state === 'ready' || claimed.state === 'claimed' ? claimed.claim : undefined;
  };
  if (!isFirstTry) await claimIt();
  const claim = await claimIt();
  const endings: (() => Promise<void>)[] = [];
  const step = {
    ...{ plan, claim, ledger, now, plannedAtMs: now() - ageMs, context: {}, sleep },
    request: { name: NAME, destination: { drive } },
    delivery: { signal: new AbortController().signal },
    atEnd: (work: () => Promise<void>) => endings.push(work),
  } as unknown as UploadStep;
  return { step, claim, ledger, looks, endings };
};

const commit = async (setting: Setting, target: UploadTarget, mustBeOnly = false) => {
  const { step, looks, ...rest } = await guardOf(setting);
  const guard = createCommitGuard(step, { needsLease: true, mustBeOnly });
  const attempt = () =>
    Promise.resolve(guard.options.beforeCommit?.(BYTES, target)).then(
      (outcome) => outcome?.file.id ?? 'go on',
      (error: { code?: string }) => error.code,
    );
  return { outcome: await attempt(), attempt, looks, guard, ...rest };
};

describe('a file to be replaced', () => {
  test('is not checked again at the first attempt within a second of the plan', async () => {
    expect(await commit({ plan: REPLACE, files: [FILE], ageMs: 1_000 }, TO_REPLACE)).toMatchObject({
      ...{ outcome: 'go on', looks: [] },
    });
    expect(await commit({ plan: REPLACE, files: [FILE], ageMs: 1_001 }, TO_REPLACE)).toMatchObject({
      ...{ outcome: 'go on', looks: ['get f1'] },
    });
  });

  test('is checked before each further attempt', async () => {
    const { outcome, attempt, looks } = await commit({ plan: REPLACE, files: [FILE] }, TO_REPLACE);
    expect([outcome, looks]).toEqual(['go on', []]);
    expect([await attempt(), looks]).toEqual(['go on', ['get f1']]);
  });

  test.each<[string, Partial<DriveFile> | undefined]>([
    ['renamed', { name: 'other.csv' }],
    ['moved', { parents: ['other'] }],
    ['trashed', { trashed: true }],
    ['deleted', undefined],
  ])('that was %s is not written to', async (_, change) => {
    const files = change === undefined ? [] : [{ ...FILE, ...change }];
    expect(await commit({ plan: REPLACE, files, ageMs: 5_000 }, TO_REPLACE)).toMatchObject({
      outcome: 'drive-unavailable',
    });
  });

  test.each<[string, Partial<DriveFile>, string]>([
    ['which are in it', { sha256Checksum: SHA256 }, 'f1'],
    ['which are in it, although it was renamed since', { sha256Checksum: SHA256, name: 'other.csv' }, 'f1'],
    ['which are in it, in the trash', { sha256Checksum: SHA256, trashed: true }, 'drive-unavailable'],
  ])('is left unchanged by a later attempt with the bytes %s', async (_, change, outcome) => {
    const files = [{ ...FILE, ...change }];
    expect(await commit({ plan: REPLACE, files, isFirstTry: false }, TO_REPLACE)).toMatchObject({ outcome });
  });

  test.each([
    ['after the plan', ['r1', 'r2'], 'r2', 'f1'],
    ['before the plan', ['r0', 'r1', 'r2'], 'r0', 'go on'],
    ['as what the plan found', ['r1', 'r2'], 'r1', 'go on'],
    ['which is not known to be after the plan', ['r2', 'r3'], 'r2', 'go on'],
  ])('had the bytes of a later attempt %s', async (_, ids, own, outcome) => {
    const revisions = ids.map((id) => ({ id, md5Checksum: id === own ? MD5 : 'other' }));
    expect(await commit({ plan: REPLACE, files: [FILE], revisions, isFirstTry: false }, TO_REPLACE)).toMatchObject({
      outcome,
    });
  });

  test.each<[string, Partial<DriveFile>, string]>([
    ['has the bytes of a later attempt if their MD5 is the same', { md5Checksum: MD5 }, 'f1'],
    ['is written to if their MD5 is another one', {}, 'go on'],
    ['is written to if it is of another size', { md5Checksum: MD5, size: 2 }, 'go on'],
    ['is written to if it has no checksum', { md5Checksum: undefined }, 'go on'],
  ])('and of which Drive has no SHA-256 %s', async (_, change, outcome) => {
    const files = [{ ...FILE, sha256Checksum: undefined, ...change }];
    expect(await commit({ plan: REPLACE, files, isFirstTry: false }, TO_REPLACE)).toMatchObject({ outcome });
  });

  test('is written to by a later attempt whose bytes Drive converts: its checksum would be that of other bytes', async () => {
    const files = [{ ...FILE, sha256Checksum: SHA256 }];
    const setting = { plan: REPLACE, files, isFirstTry: false };
    const target = { ...TO_REPLACE, convertTo: 'application/vnd.google-apps.document' };
    expect(await commit(setting, target)).toMatchObject({ outcome: 'go on' });
  });

  test('had the bytes of a later attempt before, where the key has created it and others have replaced it since', async () => {
    const appProperties = { [KEY_PROPERTY]: keyMark('delivery:k') };
    const revisions = [
      { id: 'r1', md5Checksum: MD5 },
      { id: 'r2', md5Checksum: 'other' },
    ];
    const setting = { plan: CREATE, files: [{ ...FILE, appProperties }], revisions, isFirstTry: false };
    expect(await commit(setting, { kind: 'replace', id: 'f1', mimeType: 'text/csv' })).toMatchObject({ outcome: 'f1' });
  });

  test.each([
    ['was made within a second', [1_000], 1],
    ['is older, because Drive was slow to list the revisions', [1_001], 2],
  ])('is looked at again if the last look %s', async (_, revisionsMs, times) => {
    const setting = { plan: REPLACE, files: [FILE], revisions: [{ id: 'r1', md5Checksum: 'other' }], revisionsMs };
    const { outcome, looks } = await commit({ ...setting, isFirstTry: false }, TO_REPLACE);
    expect([outcome, looks]).toEqual(['go on', Array.from({ length: times }, () => 'get f1')]);
  });

  test('is not written to if a person renames it while Drive lists its revisions', async () => {
    const later = [{ ...FILE, name: 'other.csv' }];
    const setting = { plan: REPLACE, files: [FILE], revisionsMs: [20_000], later, isFirstTry: false };
    expect(await commit(setting, TO_REPLACE)).toMatchObject({ outcome: 'drive-unavailable' });
  });

  test('is leased until the delivery ends', async () => {
    const { ledger, endings } = await commit({ plan: REPLACE, files: [FILE] }, TO_REPLACE);
    expect(await ledger.read('write:f1')).toBeDefined();
    for (const end of endings) await end();
    expect(await ledger.read('write:f1')).toBeUndefined();
  });

  test('is left to another attempt of the key that has completed', async () => {
    const { claim, attempt, guard, looks } = await commit({ plan: REPLACE, files: [FILE] }, TO_REPLACE);
    const receipt = { id: 'f1', sha256: SHA256 } as Parameters<Claim['finish']>[0];
    await claim?.finish(receipt);
    expect(await attempt()).toBe('f1');
    expect(guard.receipt()).toMatchObject(receipt);
    expect(looks).toEqual(['get f1']);
  });

  test('is not written to with a plan that another attempt has changed', async () => {
    const { claim, attempt } = await commit({ plan: REPLACE, files: [FILE] }, TO_REPLACE);
    await claim?.revise({ ...REPLACE, fileId: 'f2' });
    expect(await attempt()).toBe('drive-unavailable');
  });
});

describe("the key's own new file, into which somebody else has written since", () => {
  const OWN: DriveFile = { ...FILE, appProperties: { [KEY_PROPERTY]: keyMark('delivery:k') } };
  const revisions = ['r1', 'r2'].map((id) => ({ id, md5Checksum: 'other' }));
  const { nameKey: _, ...UNNAMED } = CREATE;

  test.each<[string, Plan, string, object]>([
    ['is an error with onConflict=fail', { ...CREATE, rule: 'fail' }, 'name-taken', { ...CREATE, rule: 'fail' }],
    [
      'is the file to skip with onConflict=skip',
      { ...CREATE, rule: 'skip' },
      'drive-unavailable',
      { kind: 'skip', fileId: 'f1', folderId: FOLDER },
    ],
    [
      'is left, for another file, with onConflict=new',
      { ...UNNAMED, rule: 'new' },
      'drive-unavailable',
      { ...UNNAMED, rule: 'new', fileId: 'new-id' },
    ],
    ['is written over with onConflict=replace', CREATE, 'go on', CREATE],
  ])('%s', async (_name, plan, outcome, next) => {
    const setting = { plan, files: [OWN], revisions, isFirstTry: false };
    const result = await commit(setting, TO_REPLACE);
    expect(result.outcome).toBe(outcome);
    expect(result.claim?.plan()).toEqual(next);
  });
});

describe('a new file with a unique name', () => {
  const OTHER = { ...FILE, id: 'f2' };

  test.each<[string, Setting, string, string[]]>([
    ['is not searched for within three seconds', { plan: CREATE, files: [OTHER], ageMs: 3_000 }, 'go on', []],
    ['is searched for after that', { plan: CREATE, ageMs: 3_001 }, 'go on', ['find']],
    [
      'is not created beside another',
      { plan: CREATE, files: [OTHER], ageMs: 3_001 },
      'drive-unavailable',
      ['find', 'get f2'],
    ],
    ['is created although it is there already', { plan: CREATE, files: [FILE], ageMs: 3_001 }, 'go on', ['find']],
    [
      'is created although the search still shows a trashed one',
      { plan: CREATE, files: [{ ...OTHER, trashed: true }], ageMs: 3_001 },
      'go on',
      ['find', 'get f2'],
    ],
    [
      'is created although the search still shows a deleted one',
      { plan: CREATE, found: ['f2'], ageMs: 3_001 },
      'go on',
      ['find', 'get f2', 'get f2', 'get f2', 'get f2'],
    ],
  ])('%s', async (_, setting, outcome, looks) => {
    expect(await commit(setting, TO_CREATE, true)).toMatchObject({ outcome, looks });
  });

  test('is searched for again if the looks at what was found took longer than three seconds', async () => {
    // Each of the two deleted files is asked for four times within three seconds.
    const setting = { plan: CREATE, found: ['f2', 'f3'], ageMs: 3_001 };
    const { outcome, looks } = await commit(setting, TO_CREATE, true);
    const [ofF2, ofF3] = ['f2', 'f3'].map((id) => Array.from({ length: 4 }, () => `get ${id}`));
    expect([outcome, looks]).toEqual(['go on', ['find', ...(ofF2 ?? []), ...(ofF3 ?? []), 'find']]);
  });

  test('is created beside another one if that is allowed', async () => {
    const setting = { plan: CREATE, files: [OTHER], ageMs: 60_000 };
    expect(await commit(setting, TO_CREATE, false)).toMatchObject({ outcome: 'go on', looks: [] });
  });
});
