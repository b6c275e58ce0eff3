import { randomUUID } from 'node:crypto';
import { asCourierError } from '../../errors.ts';
import type { LedgerWrite } from '../../ledger/ledger.ts';
import type { DoctorDependencies } from '../dependencies.ts';
import { memberOf, USE_FIRESTORE } from '../remedies.ts';
import { type Check, failed, passed, warned } from '../report.ts';

/** Commands for a ledger that does not answer, or refuses the courier. */
const commandsFor = ({ config }: Pick<DoctorDependencies, 'config'>, runtime: string | undefined): string => {
  if (config.ledger === 'memory') return USE_FIRESTORE;
  const { project = config.project ?? 'PROJECT', database } = config.ledger.firestore;
  return [
    `gcloud services enable firestore.googleapis.com --project=${project}`,
    `gcloud firestore databases describe --database='${database}' --project=${project}`,
    `gcloud projects add-iam-policy-binding ${project} --member=${memberOf(runtime)} --role=roles/datastore.user`,
  ].join('; ');
};

/**
 * Creates an entry twice and changes it twice. Each time the first write must take effect, and the second one must not. Then
 * it removes the entry.
 */
export const checkLedger = async (
  dependencies: Pick<DoctorDependencies, 'config' | 'ledger' | 'now' | 'log'>,
  runtime: string | undefined,
): Promise<Check> => {
  const { config, ledger, now, log } = dependencies;
  const key = `doctor:${randomUUID()}`;
  const claim = (fileId: string): Promise<LedgerWrite> =>
    ledger.claim(key, { fileId, fingerprint: '', state: 'claimed', claimedAtMs: now() });
  try {
    const first = await claim('first');
    const second = await claim('second');
    const changed = await ledger.record(key, { state: 'done' }, first.entry);
    const late = await ledger.record(key, { state: 'claimed' }, first.entry);
    await ledger.release(key, changed.entry.version);
    const isFirst = first.mine && !second.mine && second.entry.fileId === 'first';
    if (!isFirst || !changed.mine || late.mine)
      return failed(
        'ledger',
        'The ledger overwrote an existing entry: two deliveries with the same key would create two files.',
        commandsFor(dependencies, runtime),
      );
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error }, 'The doctor found that the ledger does not work');
    const own = error.hasOwnRemedy ? `${error.remedy} ` : '';
    return failed('ledger', 'The ledger does not answer.', `${own}${commandsFor(dependencies, runtime)}`);
  }
  if (config.ledger !== 'memory') return passed('ledger', 'Firestore answers, and keeps the first of two writes.');
  return config.onCloudRun
    ? warned(
        'ledger',
        'The ledger is in memory: a retry that reaches another instance, or this one after a restart, creates a second file.',
        USE_FIRESTORE,
      )
    : passed('ledger', 'The ledger is in memory, which is enough for a single instance until it restarts.');
};
