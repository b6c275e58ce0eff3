import { describe, expect, test } from '@jest/globals';
import type { Claim } from '../../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../../src/delivery/plan.ts';
import type { CommitGuard } from '../../../../src/delivery/store/commit-guard.ts';
import { checkTarget, replace, restore, storedBefore } from '../../../../src/delivery/store/replace-file.ts';
import type { Receipt } from '../../../../src/domain.ts';
import type { UploadResult } from '../../../../src/drive/drive.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';

const PLAN: Plan & { kind: 'replace' } = {
  kind: 'replace',
  fileId: 'f1',
  folderId: 'folder',
  formerRevisionId: 'r1',
};
const RENAMED = driveFile({ name: 'other.csv' });
const RECEIVED = { sha256: 'a'.repeat(64), size: 3 };

describe('a file that was written over', () => {
  test('and is still the target keeps its bytes', async () => {
    const { step, calls, log } = createFakeStep({ plan: PLAN, revisions: ['r1', 'r2'] });
    await checkTarget(step, driveFile(), 'r1');
    expect([calls, log.lines]).toEqual([[], []]);
  });

  test.each([
    ['the only one since the plan', ['r1', 'r2']],
    ['the only one since the plan, after older ones', ['r0', 'r1', 'r2']],
  ])('and was renamed since loses its revision that is %s', async (_, revisions) => {
    const { step, calls, log } = createFakeStep({ plan: PLAN, revisions });
    await expect(checkTarget(step, RENAMED, 'r1')).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(calls).toEqual([`removeRevision f1 r2 by ${STEP_NOW_MS + 15_000}`]);
    expect(log.lines).toEqual([expect.stringMatching(/^warn .*"removed":true/)]);
  });

  test.each<[string, readonly string[] | undefined, string | undefined, Partial<typeof RENAMED>]>([
    ['somebody wrote after it', ['r1', 'r2', 'r3'], 'r1', {}],
    ['another revision came first', ['r1', 'r2', 'r3'], 'r1', { headRevisionId: 'r3' }],
    ['the head is a revision that Drive does not list', ['r1', 'r2'], 'r1', { headRevisionId: 'r9' }],
    ['the former revision is not listed', ['r0', 'r2'], 'r1', {}],
    ['the former revision is not listed, and there is only one', ['r2'], 'r1', {}],
    ['the former revision is not known', ['r1', 'r2'], undefined, {}],
    ['Drive does not list the revisions', undefined, 'r1', {}],
    ['Drive does not name the head', ['r1', 'r2'], 'r1', { headRevisionId: undefined }],
  ])('and was renamed since keeps its revisions where %s', async (_, revisions, former, change) => {
    const { step, calls, log } = createFakeStep({ plan: PLAN, revisions });
    await expect(checkTarget(step, { ...RENAMED, ...change }, former)).rejects.toMatchObject({
      code: 'drive-unavailable',
    });
    expect(calls).toEqual([]);
    expect(log.lines).toEqual([expect.stringMatching(/^warn .*"removed":false/)]);
  });

  test('and whose removed revision is still shown is logged as not removed', async () => {
    const { step, log } = createFakeStep({ plan: PLAN, revisions: ['r1', 'r2'], removeRevision: async () => false });
    await expect(checkTarget(step, RENAMED, 'r1')).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(log.lines).toEqual([expect.stringMatching(/"removed":false/)]);
  });

  test('and whose revision cannot be removed is still reported as changed', async () => {
    const removeRevision = () => Promise.reject(new Error('down'));
    const { step, log } = createFakeStep({ plan: PLAN, revisions: ['r1', 'r2'], removeRevision });
    await expect(checkTarget(step, RENAMED, 'r1')).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(log.lines).toEqual([expect.stringMatching(/^error .*down/), expect.stringMatching(/"removed":false/)]);
  });
});

describe('a replacement', () => {
  test('sends the bytes to the file of the plan, and checks the target afterwards', async () => {
    const file = driveFile();
    const { step, targets, calls } = createFakeStep({
      plan: PLAN,
      results: [{ kind: 'stored', file, received: RECEIVED }],
    });
    expect(await replace(step, PLAN)).toMatchObject({ file, outcome: 'replaced', isNew: false, received: RECEIVED });
    expect(targets).toStrictEqual([
      { kind: 'replace', id: 'f1', mimeType: 'text/csv', convertTo: undefined, formerRevisionId: 'r1' },
    ]);
    expect(calls).toEqual(['close']);
  });

  test('of a converted document keeps its type, and needs no former revision', async () => {
    const target = 'application/vnd.google-apps.spreadsheet';
    const plan = { kind: 'replace', fileId: 'f1', folderId: 'folder', convertTo: target } as const;
    const { step, targets } = createFakeStep({
      plan,
      results: [{ kind: 'stored', file: driveFile(), received: RECEIVED }],
    });
    await replace(step, plan);
    expect(targets).toStrictEqual([
      { kind: 'replace', id: 'f1', mimeType: 'text/csv', convertTo: target, formerRevisionId: undefined },
    ]);
  });

  test('is guarded: it leases the file before its bytes are committed', async () => {
    const results: UploadResult[] = [{ kind: 'stored', file: driveFile(), received: RECEIVED }];
    const { step, requests } = createFakeStep({ plan: PLAN, results });
    // The lease renews itself after each sleep, and here no time passes.
    await replace({ ...step, sleep: () => new Promise(() => undefined) }, PLAN);
    await requests[0]?.beforeCommit?.(RECEIVED, { kind: 'replace', id: 'f1', mimeType: 'text/csv' });
    expect(await step.ledger.read('write:f1')).toBeDefined();
  });

  test('of a read-only file unlocks it before its session starts, and once more before its bytes are committed', async () => {
    const results: UploadResult[] = [{ kind: 'stored', file: driveFile(), received: RECEIVED }];
    const setting = { plan: PLAN, results, config: { readOnly: true }, lock: { isLocked: true, isOwn: true } };
    const { step, requests, calls } = createFakeStep(setting);
    await replace({ ...step, sleep: () => new Promise(() => undefined) }, PLAN);
    expect(calls.splice(0)).toEqual(['lockOf f1', 'unlock f1', 'close']);
    await requests[0]?.beforeCommit?.(RECEIVED, { kind: 'replace', id: 'f1', mimeType: 'text/csv' });
    expect(calls).toEqual(['lockOf f1', 'unlock f1']);
  });

  test('of a file that others may change asks nothing of its restrictions', async () => {
    const results: UploadResult[] = [{ kind: 'stored', file: driveFile(), received: RECEIVED }];
    const { step, requests, calls } = createFakeStep({ plan: PLAN, results });
    await replace({ ...step, sleep: () => new Promise(() => undefined) }, PLAN);
    await requests[0]?.beforeCommit?.(RECEIVED, { kind: 'replace', id: 'f1', mimeType: 'text/csv' });
    expect(calls).toEqual(['close']);
  });

  test('whose bytes another try has stored is answered as replayed, and not checked', async () => {
    const file = driveFile({ name: 'renamed since.csv' });
    const results: UploadResult[] = [{ kind: 'superseded', file, received: RECEIVED }];
    const { step } = createFakeStep({ plan: PLAN, claim: { mine: false, key: 'k' }, results });
    expect(await replace(step, PLAN)).toEqual({ file, outcome: 'replayed', isNew: false, received: RECEIVED });
  });

  test('of a file that was moved in the meantime is not answered as done', async () => {
    const { step } = createFakeStep({
      plan: PLAN,
      revisions: ['r1', 'r2'],
      results: [{ kind: 'stored', file: driveFile({ parents: ['other'] }), received: RECEIVED }],
    });
    await expect(replace(step, PLAN)).rejects.toMatchObject({ code: 'drive-unavailable' });
  });

  test('that an earlier try has made is answered as replayed, and not checked again', async () => {
    const plan: Plan = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' };
    const claim: Partial<Claim> = { mine: false, plan: () => plan };
    const file = driveFile({ name: 'renamed since.csv' });
    const { step } = createFakeStep({ plan, claim, results: [{ kind: 'stored', file, received: RECEIVED }] });
    expect(await restore(step, file, RECEIVED.sha256)).toMatchObject({ outcome: 'replayed', isNew: true });
  });

  test("by an earlier try of its key is not made again with other bytes than the key's", async () => {
    const plan: Plan = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' };
    const noted: string[] = [];
    const claim: Partial<Claim> = {
      ...{ key: 'delivery:k', mine: false, plan: () => plan },
      async commitTo(sha256) {
        noted.push(sha256);
        return 'committed';
      },
    };
    const file = driveFile({ sha256Checksum: 'e'.repeat(64) });
    const { step, targets, requests } = createFakeStep({
      ...{ plan, claim, results: [{ kind: 'stored', file, received: RECEIVED }] },
    });
    // The lease of a file is not renewed.
    const sleep = () => new Promise<void>(() => undefined);
    await restore({ ...step, sleep }, file, RECEIVED.sha256);
    const [target] = targets;
    if (target === undefined) throw new Error('nothing was sent');
    const other = { ...RECEIVED, sha256: 'd'.repeat(64) };
    const committing = Promise.resolve().then(() => requests[0]?.beforeCommit?.(other, target));
    await expect(committing).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    expect(noted).toEqual([]);
  });
});

describe('bytes that were stored before', () => {
  const result = { kind: 'superseded', received: { ...RECEIVED, md5: 'c'.repeat(32) } } as const;
  const guardWith = (receipt?: Receipt): CommitGuard => ({ options: {}, afterwards: {}, receipt: () => receipt });

  test('are in the file: its own MD5 is the one of the receipt', () => {
    const { step } = createFakeStep({ plan: PLAN });
    const stored = storedBefore(step, { ...result, file: driveFile() }, { guard: guardWith(), isNew: true });
    expect(stored).toStrictEqual({
      ...{ file: driveFile(), outcome: 'replaced', isNew: true, received: RECEIVED },
      receipt: undefined,
    });
  });

  test('were replaced since: the MD5 is the one of the bytes', () => {
    const { step } = createFakeStep({ plan: PLAN, claim: { mine: false } });
    const file = driveFile({ sha256Checksum: 'd'.repeat(64) });
    const receipt = { id: 'f1' } as Receipt;
    expect(storedBefore(step, { ...result, file }, { guard: guardWith(receipt), isNew: false })).toMatchObject({
      file: { md5Checksum: 'c'.repeat(32) },
      ...{ outcome: 'replayed', isNew: false, receipt },
    });
  });

  test.each([
    ['by an earlier attempt of the first try, whose answer was lost', true, undefined, 'replaced'],
    ['by an unanswered try before', false, undefined, 'replayed'],
    ['by another try that has answered meanwhile', true, { id: 'f1' } as Receipt, 'replayed'],
  ] as const)('were written %s', (_, mine, receipt, outcome) => {
    const { step } = createFakeStep({ plan: PLAN, claim: { mine } });
    const sent = { ...result, file: driveFile() };
    expect(storedBefore(step, sent, { guard: guardWith(receipt), isNew: false })).toMatchObject({ outcome });
  });
});
