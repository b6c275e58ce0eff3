import { expect, test } from '@jest/globals';
import { type Claim, claimPlan } from '../../../src/delivery/idempotency.ts';
import type { DeliveryContext } from '../../../src/delivery/resolve-options.ts';
import type { Receipt } from '../../../src/domain.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';

const PLAN = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' } as const;

const claimOn = async (ledger: Ledger): Promise<Claim> => {
  const key = { state: 'free', key: 'k', fingerprint: 'f' } as const;
  const context = { ledger, request: { sinceMs: 0 } } as unknown as DeliveryContext;
  const ready = await claimPlan(context, { state: 'planned', key, plan: PLAN });
  if (ready.state !== 'ready' || ready.claim === undefined) throw new Error('the key is not free');
  return ready.claim;
};

test.each<[string, Partial<Receipt>]>([
  ['all members', {}],
  ['a member that is undefined', { account: undefined }],
])('a receipt with %s is recognized after the answer to its recording was lost', async (_, more) => {
  const ledger = createMemoryLedger({ now: () => 0 });
  let calls = 0;
  const losing: Ledger = {
    ...ledger,
    async record(...given) {
      const written = await ledger.record(...given);
      calls += 1;
      if (calls === 1) throw new Error('the answer is lost');
      return written;
    },
  };
  const claim = await claimOn(losing);
  const receipt = { id: 'f1', outcome: 'created', ...more } as Receipt;
  await expect(claim.finish(receipt)).rejects.toThrow('lost');
  expect(await claim.finish(receipt)).toBe(receipt);
  const other = { ...receipt, id: 'f2' };
  expect(await claim.finish(other)).toMatchObject({ id: 'f1', outcome: 'replayed' });
});

test.each([
  ['it has created the file, which the other one found', 'created', 'f1', 'replayed', 'created'],
  ['both took up one upload session, and Drive told both that it is complete', 'created', 'f1', 'created', 'replayed'],
  ['the other one has another file', 'created', 'f2', 'replayed', 'replayed'],
  ['it has found the file, too', 'replayed', 'f1', 'replayed', 'replayed'],
  ['the other one has kept a file that was there', 'created', 'f1', 'skipped', 'skipped'],
] as const)('the answer of a try whose receipt comes second: %s', async (_, own, id, first, answered) => {
  const claim = await claimOn(createMemoryLedger({ now: () => 0 }));
  const sha256 = 'a'.repeat(64);
  await claim.finish({ id: 'f1', outcome: first, sha256, webViewLink: 'first' } as Receipt);
  const answer = await claim.finish({ id, outcome: own, sha256, webViewLink: 'second' } as Receipt);
  expect(answer).toEqual({ id: 'f1', outcome: answered, sha256, webViewLink: 'first' });
});

test.each([
  ['another digest', 'created', false],
  ['the digest of a file that was there and kept', 'skipped', true],
])('bytes that come after a receipt with %s', async (_, outcome, isAnswered) => {
  const ledger = createMemoryLedger({ now: () => 0 });
  const claim = await claimOn(ledger);
  await claim.finish({ id: 'f1', outcome, sha256: 'a'.repeat(64) } as Receipt);
  const committed = claim.commitTo('b'.repeat(64), PLAN);
  if (isAnswered) expect(await committed).toMatchObject({ receipt: { id: 'f1' } });
  else await expect(committed).rejects.toMatchObject({ code: 'idempotency-key-reused' });
});

test('all tries of a key know since when the file of its plan is missed, until the plan has another file', async () => {
  const clock = { nowMs: 0 };
  const now = (): number => clock.nowMs;
  const ledger = createMemoryLedger({ now });
  const claim = await claimOn(ledger);
  await expect(claim.keepWhileHidden(now)).rejects.toMatchObject({ code: 'drive-unavailable' });
  clock.nowMs = 119_999;
  await expect(claim.keepWhileHidden(now)).rejects.toMatchObject({ code: 'drive-unavailable' });
  clock.nowMs = 120_000;
  await claim.keepWhileHidden(now);
  expect((await ledger.read('k'))?.record).toMatchObject({ missedSinceMs: 0 });
  await claim.revise({ ...PLAN, fileId: 'f2' });
  await expect(claim.keepWhileHidden(now)).rejects.toMatchObject({ code: 'drive-unavailable' });
});
