import type { Receipt } from '../../../src/domain.ts';
import { type Attempt, identityOf } from '../monitor.ts';
import { type Facts, violate, writeOf } from './facts.ts';

/**
 * I12: the receipt names the account that has written the bytes, and in My Drive this account owns the file that the delivery
 * has created.
 */
export const checkAccount = (facts: Facts, attempt: Attempt, receipt: Receipt): void => {
  const { history, labels } = facts;
  const { account } = receipt;
  const write = writeOf(facts, identityOf(attempt), receipt);
  if (account === undefined || write?.revision === undefined) return;
  const { by } = write.revision;
  const who = `${attempt.actor} has a receipt for ${labels.file(receipt.id)} with the account ${account}`;
  if (by !== account) violate(facts, 'I12', `${who}, and ${by} has written it`);
  const owner = history.file(receipt.id)?.owner;
  if (write.kind === 'created' && owner !== undefined && owner !== account)
    violate(facts, 'I12', `${who}, and it belongs to ${owner}`);
};
