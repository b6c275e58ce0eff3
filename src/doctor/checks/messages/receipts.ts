import type { DoctorDependencies } from '../../dependencies.ts';
import { type Check, fromFaults, passed } from '../../report.ts';
import { faultOfTopic, type TopicTester } from './topic.ts';

/** Checks the topic of receipts. Undefined if none is configured. */
export const checkReceipts = async (
  { config: { receiptTopic } }: Pick<DoctorDependencies, 'config'>,
  { mayPublish, runtimeEmail }: { mayPublish: TopicTester; runtimeEmail: string | undefined },
): Promise<Check | undefined> => {
  if (receiptTopic === null) return undefined;
  const use = {
    what: 'The topic of receipts',
    effect: 'Files are delivered, but no receipt is published.',
    severity: 'failed' as const,
  };
  const faults = faultOfTopic(receiptTopic, await mayPublish(receiptTopic), use, runtimeEmail);
  return faults.length === 0
    ? passed('receipts', `Receipts are published to ${receiptTopic}.`)
    : fromFaults('receipts', '', faults);
};
