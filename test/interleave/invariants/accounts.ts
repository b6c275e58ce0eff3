import type { Receipt } from '../../../src/domain.ts';
import { WRITERS } from '../actors/local-drive.ts';
import { type Attempt, identityOf } from '../monitor.ts';
import { type Facts, violate, writeOf } from './facts.ts';

/**
 * Whether an account wrote the file whose answer was lost, and Drive refused the account when it was asked again. Drive does not
 * tell the next account who wrote the file that it finds under the id, so the receipt names the account of the latest plan.
 */
const isUnknown = (facts: Facts, attempt: Attempt, { by, account }: { by: string; account: string }): boolean => {
  const { monitor, steps } = facts;
  if (attempt.spec.key === undefined)
    return steps().some(({ actor, fault }) => actor === attempt.actor && fault === 'lost');
  const planned = monitor.planned
    .filter(({ identity }) => identity === identityOf(attempt))
    .map(({ plan }): string | undefined => WRITERS.find(({ name }) => name === plan.credentials)?.email);
  return planned.at(-1) === account && planned.slice(0, -1).includes(by);
};

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
  if (isUnknown(facts, attempt, { by, account })) return;
  const who = `${attempt.actor} has a receipt for ${labels.file(receipt.id)} with the account ${account}`;
  if (by !== account) violate(facts, 'I12', `${who}, and ${by} has written it`);
  const owner = history.file(receipt.id)?.owner;
  if (write.kind === 'created' && owner !== undefined && owner !== account)
    violate(facts, 'I12', `${who}, and it belongs to ${owner}`);
};
