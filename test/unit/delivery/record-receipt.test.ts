import { expect, test } from '@jest/globals';
import type { Claim } from '../../../src/delivery/idempotency.ts';
import { recordReceipt } from '../../../src/delivery/receipt.ts';
import type { Receipt } from '../../../src/domain.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const RECEIPT = { id: '1', outcome: 'created' } as Receipt;
const UNRECORDED = { code: 'google-unavailable', status: 503, retryable: true };

/**
 * A ledger that fails this often and takes this long to fail, on a clock that only the ledger and the pauses advance.
 */
const record = async ({
  failures,
  callMs = 0,
  deadlineMs = 100_000,
  leavesAtMs = Number.POSITIVE_INFINITY,
}: {
  failures: number;
  callMs?: number;
  deadlineMs?: number;
  leavesAtMs?: number;
}) => {
  let timeMs = 0;
  let attempts = 0;
  const claim: Pick<Claim, 'finish'> = {
    async finish(receipt) {
      attempts += 1;
      timeMs += callMs;
      if (attempts <= failures) throw new Error('the ledger is away');
      return receipt;
    },
  };
  const means = {
    context: { deadlineMs },
    log: createKeptLog(),
    now: () => timeMs,
    sleep: async (waitMs: number) => {
      timeMs += waitMs;
      if (timeMs > leavesAtMs) throw new Error('the caller left');
    },
  };
  const ended = await recordReceipt(means, claim as Claim, RECEIPT).catch((error: unknown) => error);
  return { ended, attempts };
};

test.each([0, 1, 2])('a receipt is recorded although the ledger fails %d times', async (failures) => {
  expect(await record({ failures })).toEqual({ ended: RECEIPT, attempts: failures + 1 });
});

test.each([
  ['the ledger stays away', { failures: 3 }, 3],
  ['its first answer takes so long that a lease may have expired', { failures: 1, callMs: 10_000 }, 1],
  ['its second answer does', { failures: 2, callMs: 4_500 }, 2],
  ['the deadline is near', { failures: 1, deadlineMs: 3_499 }, 1],
  ['the deadline is near after the first pause', { failures: 2, deadlineMs: 5_499 }, 2],
  ['the caller leaves', { failures: 1, leavesAtMs: 100 }, 1],
])('a delivery without a record fails: %s', async (_, ledger, attempts) => {
  expect(await record(ledger)).toMatchObject({ ended: UNRECORDED, attempts });
});

test('an attempt that still fits before the deadline is made', async () => {
  expect(await record({ failures: 2, deadlineMs: 5_500 })).toEqual({ ended: RECEIPT, attempts: 3 });
});
