import { randomUUID } from 'node:crypto';
import { asCourierError } from '../errors.ts';
import type { LedgerWrite } from '../ledger/ledger.ts';
import type { DoctorDependencies } from './dependencies.ts';
import { memberOf } from './remedies.ts';
import { type Check, failed, passed, warned } from './report.ts';

const USE_FIRESTORE =
  'gcloud firestore databases create --location=LOCATION --type=firestore-native, and in the configuration: ledger: {firestore: {}}';

/** Commands for a ledger that does not answer, or answers no. */
const commandsFor = ({ config }: Pick<DoctorDependencies, 'config'>, runtime: string | undefined): string => {
  if (config.ledger === 'memory') return USE_FIRESTORE;
  const { project = config.project ?? 'PROJECT', database } = config.ledger.firestore;
  return [
    `gcloud services enable firestore.googleapis.com --project=${project}`,
    `gcloud firestore databases describe --database='${database}' --project=${project}`,
    `gcloud projects add-iam-policy-binding ${project} --member=${memberOf(runtime)} --role=roles/datastore.user`,
  ].join('; ');
};

/** Creates the same entry twice, and changes it twice: each time the first must win. Then the entry is removed. */
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
        'An entry that was there was written over: two deliveries with one key would make two files.',
        commandsFor(dependencies, runtime),
      );
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error }, 'the doctor finds the ledger out of order');
    const own = error.remedy.startsWith('Try again') ? '' : `${error.remedy} `;
    return failed('ledger', 'It does not answer.', `${own}${commandsFor(dependencies, runtime)}`);
  }
  if (config.ledger !== 'memory') return passed('ledger', 'Firestore: answers, and keeps what came first.');
  return config.onCloudRun
    ? warned(
        'ledger',
        'Memory: another instance, or this one started again, knows nothing of it, so a retry there makes a second file. It is the weaker promise.',
        USE_FIRESTORE,
      )
    : passed('ledger', 'Memory: enough for one instance, and for as long as it runs. It is the weaker promise.');
};
