import { describe, expect, test } from '@jest/globals';
import { type Claim, KEY_PROPERTY, keyMark } from '../../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../../src/delivery/plan.ts';
import { createCommitGuard } from '../../../../src/delivery/store/commit-guard.ts';
import type { DriveFile, ReceivedBytes, UploadTarget } from '../../../../src/drive/drive.ts';
import { acquireLease, fileLeaseKey } from '../../../../src/ledger/lease.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';

/** Wrong bytes are removed from a file under its lease, because Drive may carry out a request after its sender has ended. */

const BYTES: ReceivedBytes = { sha256: 'a'.repeat(64), md5: 'b'.repeat(32), size: 3 };
const OWN_NAME: Plan = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' };
const ONLY_NAME: Plan = { ...OWN_NAME, rule: 'replace', nameKey: 'name' };
const TO_CREATE: UploadTarget = {
  kind: 'create',
  file: { id: 'f1', name: 'report.csv', mimeType: 'text/csv', folderId: 'folder' },
};

interface Setting {
  isKeyed?: boolean;
  /** Whether this is the first try of the key. */
  mine?: boolean;
  files?: readonly DriveFile[];
  revisions?: readonly string[];
}

const setUp = (plan: Plan, { isKeyed = true, mine = true, ...answers }: Setting = {}) => {
  const time = { nowMs: STEP_NOW_MS };
  const now = (): number => time.nowMs;
  const ledger = createMemoryLedger({ now });
  const claim: Partial<Claim> = { key: 'delivery:k', mine, commitTo: async () => 'committed' };
  const fake = createFakeStep({ plan, claim: isKeyed ? claim : undefined, ...answers });
  const sleep = async (ms: number): Promise<void> => {
    // Leases are not renewed.
    if (ms > 3_000) await new Promise(() => undefined);
    time.nowMs += ms;
  };
  const { options } = createCommitGuard(
    { ...fake.step, ledger, sleep, now },
    { needsLease: plan.kind === 'create' && plan.rule !== 'new' },
  );
  const beginUndo = async () => options.beforeUndo?.('f1');
  const entry = (): Promise<object | undefined> => ledger.read('write:f1');
  const end = async (): Promise<object | undefined> => {
    for (const work of fake.endings) await work();
    return entry();
  };
  return { options, beginUndo, ledger, time, entry, end };
};

describe.each<[string, Plan, boolean]>([
  ['with a name of its own', OWN_NAME, true],
  ['with a name of its own, without a key', OWN_NAME, false],
  ['that is the only one of its name', ONLY_NAME, true],
])('wrong bytes in a new file %s', (_, plan, isKeyed) => {
  const start = async () => {
    const world = setUp(plan, { isKeyed });
    if (plan === ONLY_NAME) await world.options.beforeCommit?.(BYTES, TO_CREATE);
    return world;
  };

  test('are removed under the lease of the file, which ends with the delivery', async () => {
    const { beginUndo, entry, end } = await start();
    const context = await beginUndo();
    context?.onSend?.()?.(200);
    expect(await entry()).toBeDefined();
    expect(await end()).toBeUndefined();
  });

  test('keep the lease until it expires if the request that removes them has no answer', async () => {
    const { beginUndo, end } = await start();
    const context = await beginUndo();
    context?.onSend?.()?.(undefined);
    expect(await end()).toBeDefined();
  });

  test('are not removed any more when the lease is about to expire', async () => {
    const { beginUndo, time } = await start();
    const context = await beginUndo();
    await context?.beforeSend?.();
    expect(context?.signal?.aborted).toBe(false);
    time.nowMs += 20_000;
    await context?.beforeSend?.();
    expect(context?.signal?.aborted).toBe(true);
  });
});

test('wrong bytes stay while another delivery writes to the file', async () => {
  const { beginUndo, ledger, time } = setUp(OWN_NAME);
  const times = { now: () => time.nowMs, sleep: () => new Promise<void>(() => undefined) };
  await acquireLease(ledger, fileLeaseKey('f1'), 'Another delivery', {}, times);
  const startMs = time.nowMs;
  await expect(beginUndo()).rejects.toMatchObject({ code: 'drive-unavailable' });
  expect(time.nowMs - startMs).toBeLessThan(15_000);
});

describe('an earlier try of the key has created the file', () => {
  const DIGEST = 'c'.repeat(64);

  test.each([
    ['with wrong bytes, and has put it into the trash: they are not written there', true, DIGEST, ['r1'], 'stopped'],
    ['with wrong bytes, and it is not in the trash', false, DIGEST, ['r1'], 'sent'],
    ['and somebody has edited it, and put it into the trash', true, DIGEST, ['r1', 'r2'], 'sent'],
    ['with these bytes, and a person has put it into the trash', true, BYTES.sha256, ['r1'], 'sent'],
  ])('%s', async (_, trashed, sha256Checksum, revisions, expected) => {
    const shown = driveFile({ trashed, sha256Checksum, appProperties: { [KEY_PROPERTY]: keyMark('delivery:k') } });
    const { options } = setUp(ONLY_NAME, { mine: false, files: [shown], revisions });
    const target: UploadTarget = { kind: 'replace', id: 'f1', mimeType: 'text/csv' };
    const outcome = await options.beforeCommit?.(BYTES, target).then(
      () => 'sent',
      (error: { code: string }) => (error.code === 'drive-unavailable' ? 'stopped' : error),
    );
    expect(outcome).toBe(expected);
  });
});
