import { describe, expect, test } from '@jest/globals';
import type { Plan } from '../../../../src/delivery/plan.ts';
import { convert } from '../../../../src/delivery/store/convert-file.ts';
import { createFile } from '../../../../src/delivery/store/create-file.ts';
import type { DriveFile, UploadResult } from '../../../../src/drive/drive.ts';
import { CourierError } from '../../../../src/errors.ts';
import type { Ledger } from '../../../../src/ledger/ledger.ts';
import { acquireLease, type Lease } from '../../../../src/ledger/lease.ts';
import { KEY, NAMED, OWN } from '../../../support/drive/conversion.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';

type CreatePlan = Plan & { kind: 'create' };

const NEW: CreatePlan = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' };
/** The lease of the name in the folder that replaces the one in the trash. */
const LEASE_THERE = 'convert:["fresh","report.csv"]';
const RECEIVED = { sha256: 'a'.repeat(64), size: 3 };
const stored = (change: Parameters<typeof driveFile>[0] = {}): UploadResult => ({
  kind: 'stored',
  file: driveFile(change),
  received: RECEIVED,
});

describe('a new file', () => {
  test.each<[string, string, string[]]>([
    ['has its name there afterwards', 'f1', ['move f1 from folder to fresh']],
    [
      'is moved back if another delivery has claimed its name meanwhile',
      'theirs',
      ['move f1 from folder to fresh', 'move f1 from fresh to folder'],
    ],
  ])('that is moved out of the trash %s', async (_, owner, moves) => {
    const plan: CreatePlan = { ...NEW, rule: 'replace' };
    const { step, calls } = createFakeStep({ plan, path: 'reports', results: [stored({ trashed: true })] });
    const claim: Ledger['claim'] = (key, entry) => step.ledger.claim(key, { ...entry, fileId: owner });
    const result = await createFile({ ...step, ledger: { ...step.ledger, claim } }, plan, undefined);
    expect(calls.filter((call) => call.startsWith('move'))).toEqual(moves);
    expect(result.warnings).toEqual(moves.length === 1 ? undefined : [expect.any(String)]);
    const name = `file:["fresh",${JSON.stringify(step.request.name)},0]`;
    expect(await step.ledger.read(name)).toMatchObject({ fileId: owner, state: 'done' });
  });

  test('that is moved out of the trash is described where it is, also if its name cannot be noted there', async () => {
    const plan: CreatePlan = { ...NEW, rule: 'replace' };
    const { step, calls } = createFakeStep({ plan, path: 'reports', results: [stored({ trashed: true })] });
    const claim = () => Promise.reject(new CourierError('google-unavailable'));
    const result = await createFile({ ...step, ledger: { ...step.ledger, claim } }, plan, undefined);
    expect(calls.filter((call) => call.startsWith('move'))).toEqual(['move f1 from folder to fresh']);
    expect([result.file.parents, result.warnings]).toEqual([['fresh'], undefined]);
  });

  test.each([
    ['stays where it is while a conversion of its name runs there', 60_000, []],
    ['is moved after a conversion of its name has ended there', 4_000, ['move f1 from folder to fresh']],
    ['is moved under the lease of its name there', 0, ['move f1 from folder to fresh']],
  ])('that was converted %s', async (_, heldMs, moves) => {
    const file = { ...OWN, id: 'f1', trashed: true, parents: ['folder'] };
    const moving: boolean[] = [];
    const results: UploadResult[] = [{ kind: 'stored', file, received: RECEIVED }];
    const fake = createFakeStep({ plan: NAMED, path: 'reports', files: [file], results });
    const startMs = fake.step.now();
    let nowMs = startMs;
    const now = () => nowMs;
    let held: Lease | undefined;
    const sleep = async (ms: number) => {
      nowMs += ms;
      if (nowMs >= startMs + heldMs) await held?.release();
    };
    const { drive } = fake.step.request.destination;
    const { move } = drive;
    drive.move = async (...given) => {
      moving.push((await fake.step.ledger.read(LEASE_THERE)) !== undefined);
      return move(...given);
    };
    const forever = () => new Promise<void>(() => undefined);
    if (heldMs > 0) {
      held = await acquireLease(fake.step.ledger, LEASE_THERE, 'A test', {}, { now, sleep: forever, ttlMs: 60_000 });
    }
    const result = await convert({ ...fake.step, now, sleep }, NAMED);
    const isThere = moves.length > 0;
    expect(fake.calls.filter((call) => call.startsWith('move'))).toEqual(moves);
    expect(moving).toEqual(moves.map(() => true));
    expect(result.warnings).toEqual(isThere ? undefined : [expect.any(String)]);
    // The lease ends with the move.
    expect((await fake.step.ledger.read(LEASE_THERE)) !== undefined).toBe(!isThere);
  });

  test('that an earlier try has converted is moved under the lease that this try has of its name there', async () => {
    const plan = { ...NAMED, folderId: 'fresh' };
    const createdTime = new Date(STEP_NOW_MS).toISOString();
    const file = { ...OWN, id: 'f1', trashed: true, parents: ['folder'], createdTime };
    const marked: DriveFile[] = [];
    const claim = {
      ...{ key: KEY, mine: false, claimedAtMs: STEP_NOW_MS, isFinished: () => true },
      ...{ refresh: async () => undefined, commitTo: async () => 'committed' as const },
    };
    const driveAnswers = { findMarked: async () => marked };
    const fake = createFakeStep({ plan, claim, path: 'reports', files: [file], driveAnswers });
    fake.step.request.destination.drive.startUpload = async (request) => ({
      async send(target) {
        // Drive's search shows the document late.
        marked.push(file);
        const found = await request.beforeCommit?.(RECEIVED, target, 'own session');
        if (found === undefined) throw new Error('the document is there');
        return { kind: 'superseded', file: found.file, received: RECEIVED };
      },
      ...{ received: async () => RECEIVED, close: () => undefined },
    });
    let nowMs = fake.step.now();
    const now = () => nowMs;
    const sleep = (ms: number) => {
      if (ms > 3_000) return new Promise<void>(() => undefined);
      nowMs += ms;
      return Promise.resolve();
    };
    const result = await convert({ ...fake.step, now, sleep }, plan);
    expect(fake.calls.filter((call) => call.startsWith('move'))).toEqual(['move f1 from folder to fresh']);
    expect(result).toMatchObject({ outcome: 'replayed', file: { parents: ['fresh'] } });
    expect(result.warnings).toBeUndefined();
    expect(await fake.step.ledger.read(LEASE_THERE)).toBeDefined();
    for (const work of fake.endings) await work();
    expect(await fake.step.ledger.read(LEASE_THERE)).toBeUndefined();
  });

  test('that is moved to a folder whose file of the name is gone has the name there', async () => {
    const plan: CreatePlan = { ...NEW, rule: 'replace' };
    const { step, calls } = createFakeStep({ plan, path: 'reports', results: [stored({ trashed: true })] });
    const name = (generation: number) => `file:["fresh",${JSON.stringify(step.request.name)},${generation}]`;
    const entry = { fingerprint: '', record: undefined, claimedAtMs: 0 };
    await step.ledger.claim(name(0), { ...entry, fileId: 'deleted', state: 'done' });
    const result = await createFile(step, plan, undefined);
    expect(calls.filter((call) => call.startsWith('move'))).toEqual(['move f1 from folder to fresh']);
    expect(result.warnings).toBeUndefined();
    expect(await step.ledger.read(name(1))).toMatchObject({ fileId: 'f1', state: 'done' });
  });

  test('stays in the trash if another delivery is about to create a file of its name there', async () => {
    const plan: CreatePlan = { ...NEW, rule: 'replace' };
    const { step, calls } = createFakeStep({ plan, path: 'reports', results: [stored({ trashed: true })] });
    const entry = { fingerprint: '', record: undefined, claimedAtMs: 0, fileId: 'theirs', state: 'claimed' } as const;
    await step.ledger.claim(`file:["fresh",${JSON.stringify(step.request.name)},0]`, entry);
    expect(await createFile(step, plan, undefined)).toMatchObject({ warnings: [expect.any(String)] });
    expect(calls.filter((call) => call.startsWith('move'))).toEqual([]);
  });
});
