import type { DestinationConfig } from '../config/schema/destination.ts';
import { takesRows } from '../delivery/resolve-options.ts';
import { mergeAccounts } from './accounts.ts';
import { checkClock } from './checks/clock.ts';
import { type CredentialsFinding, checkCredentials } from './checks/credentials.ts';
import { createQueryChecker } from './checks/exports/queries.ts';
import { checkSources, createBucketReader } from './checks/exports/sources.ts';
import { createTableExaminer } from './checks/exports/tables.ts';
import { checkFolder } from './checks/folder.ts';
import { checkIdentity, type OwnIdentity } from './checks/identity.ts';
import { checkInvoker } from './checks/invoker.ts';
import { checkLedger } from './checks/ledger.ts';
import { checkPubsub } from './checks/messages/pubsub.ts';
import { checkReceipts } from './checks/messages/receipts.ts';
import { checkSubscriptions } from './checks/messages/subscriptions.ts';
import { createTopicTester } from './checks/messages/topic.ts';
import { checkByWriting } from './checks/probe.ts';
import { checkRetention } from './checks/retention.ts';
import { checkSheetsApi, checkSpreadsheet } from './checks/spreadsheet.ts';
import { withUploadLimit } from './checks/upload-limit.ts';
import type { DoctorDependencies } from './dependencies.ts';
import { type Check, type DoctorReport, findingsOf, passed, skipped, warned } from './report.ts';
import { createSubscriptionReader } from './subscription/state.ts';

/** In the order in which a delivery depends on them, followed by the checks of what surrounds a delivery. */
const CHECKS = [
  'configuration',
  'clock',
  'ledger',
  'identity',
  'secret',
  'key',
  'token',
  'scope',
  'drive-api',
  'spreadsheet',
  'folder',
  'search',
  'writable',
  'storage',
  'sharing',
  'retention',
  'sheets-api',
  'pubsub',
  'subscriptions',
  'sources',
  'queries',
  'receipts',
  'invoker',
  'probe',
] as const;

/** Checks that only some configurations have. */
const IF_CONFIGURED: ReadonlySet<string> = new Set(['queries', 'receipts', 'sheets-api']);

/** Checks of destinations with a folder. */
const OF_FOLDERS: ReadonlySet<string> = new Set(['folder', 'search', 'writable', 'storage', 'sharing']);

/** The doctor answers after this time even if Google does not. */
const TIMEOUT_MS = 25_000;

export interface Examination {
  /** Whether to write a probe file into each folder. */
  write: boolean;
  /** Only the checks that a delivery depends on. */
  essentials?: boolean;
}

/** The Drive account of one entry of `credentials`, and what was found about it. */
interface Account extends Pick<ReturnType<DoctorDependencies['openAccount']>, 'drive' | 'sheets'> {
  finding: Promise<CredentialsFinding>;
}

/** The checks that all destinations have in common. */
interface Shared {
  dependencies: DoctorDependencies;
  deadlineMs: number;
  self: OwnIdentity;
  clock: Check;
  ledger: Promise<Check>;
  /** By the name of the credentials. */
  accounts: ReadonlyMap<string, Account>;
  /** The checks of what surrounds deliveries to a destination. */
  surroundings(destination: string): Promise<Check[]>;
}

const describeCredentials = ({ config }: DoctorDependencies, name: string): string => {
  const { secret, file, impersonate, subject } = config.credentials[name] ?? {};
  const kind =
    secret ?? file ?? (impersonate === undefined ? "the platform's own identity" : `impersonating ${impersonate}`);
  return `Credentials "${name}": ${kind}${subject ? `, on behalf of ${subject}` : ''}.`;
};

const checkConfiguration = (dependencies: DoctorDependencies, { credentials, share }: DestinationConfig): Check => {
  const detail = credentials.map((name) => describeCredentials(dependencies, name)).join(' ');
  return share.some(({ type }) => type === 'anyone')
    ? warned(
        'configuration',
        `${detail} Each file is shared with anyone on the internet.`,
        'If you do not want that, remove "anyone" from the destination\'s "share".',
      )
    : passed('configuration', detail);
};

/** All checks in order. Those that were not reached are skipped because of the first failure. */
const inOrder = (found: readonly Check[], { keep, spreadsheet }: DestinationConfig): Check[] => {
  const culprit = CHECKS.find((name) => found.some(({ check, result }) => check === name && result === 'failed'));
  // Most destinations have no queries, receipts, retention and sheets, so these checks are not listed for them.
  const isListed = (name: string): boolean => {
    if (IF_CONFIGURED.has(name)) return found.some(({ check }) => check === name);
    if (name === 'retention') return keep.length > 0;
    return spreadsheet === undefined ? name !== 'spreadsheet' : !OF_FOLDERS.has(name);
  };
  return CHECKS.filter(isListed).map(
    (name) => found.find(({ check }) => check === name) ?? skipped(name, `Skipped: fix "${culprit}" first.`),
  );
};

/** Credentials from a file work without the courier's own identity; all others need it. */
const needsOwnIdentity = ({ config }: DoctorDependencies, credentials: string): boolean =>
  config.credentials[credentials]?.file === undefined;

/** Opens the account of each entry of `credentials` that a destination uses, and starts its checks. */
const examineAccounts = (
  dependencies: DoctorDependencies,
  self: OwnIdentity,
  deadlineMs: number,
): ReadonlyMap<string, Account> => {
  const accounts = new Map<string, Account>();
  const used = new Set(Object.values(dependencies.config.destinations).flatMap(({ credentials }) => credentials));
  for (const name of used) {
    if (self.check.result === 'failed' && needsOwnIdentity(dependencies, name)) continue;
    const account = dependencies.openAccount(name);
    const options = { runtimeEmail: self.email, context: { deadlineMs } };
    accounts.set(name, { ...account, finding: checkCredentials(dependencies, name, account, options) });
  }
  return accounts;
};

const examineSurroundings = (
  dependencies: DoctorDependencies,
  runtimeEmail: string | undefined,
  deadlineMs: number,
): Shared['surroundings'] => {
  const invoker = checkInvoker(dependencies, { runtimeEmail, deadlineMs });
  const readSubscription = createSubscriptionReader(dependencies, deadlineMs);
  const readBucket = createBucketReader(dependencies, deadlineMs);
  const checkQueries = createQueryChecker(dependencies, { runtimeEmail, deadlineMs });
  const examineTables = createTableExaminer(dependencies, { runtimeEmail, deadlineMs });
  const mayPublish = createTopicTester(dependencies, deadlineMs);
  return async (destination) => {
    const checks = await Promise.all([
      checkPubsub(dependencies, destination, { mayPublish, readSubscription, runtimeEmail }),
      checkSubscriptions(dependencies, destination, { readSubscription, runtimeEmail }),
      checkSources(dependencies, destination, { readBucket, examineTables, runtimeEmail }),
      checkQueries(destination),
      checkReceipts(dependencies, { mayPublish, runtimeEmail }),
      invoker,
    ]);
    return checks.filter((check) => check !== undefined);
  };
};

const examineShared = async (dependencies: DoctorDependencies, essentials: boolean): Promise<Shared> => {
  const deadlineMs = dependencies.now() + TIMEOUT_MS;
  const [self, clock] = await Promise.all([checkIdentity(dependencies), checkClock(dependencies, deadlineMs)]);
  return {
    dependencies,
    deadlineMs,
    self,
    clock,
    ledger: checkLedger(dependencies, self.email),
    accounts: examineAccounts(dependencies, self, deadlineMs),
    surroundings: essentials ? async () => [] : examineSurroundings(dependencies, self.email, deadlineMs),
  };
};

/** The checks of the folder, and of writing to it, once the account works. */
const examineDrive = async (
  { dependencies, deadlineMs, self }: Shared,
  destination: { name: string; config: DestinationConfig } & Pick<Account, 'drive' | 'sheets'> & {
      credentials: string;
    },
  ready: NonNullable<CredentialsFinding['ready']>,
  write: boolean,
): Promise<Check[]> => {
  const { credentials } = destination;
  const { spreadsheet } = destination.config;
  if (spreadsheet !== undefined) {
    const checks = await checkSpreadsheet(dependencies, { ...destination, spreadsheet }, ready, { deadlineMs });
    return [...checks, skipped('probe', 'The doctor writes no test rows to spreadsheets.')];
  }
  const config = dependencies.config.credentials[credentials];
  const found = await checkFolder(dependencies, destination, ready, { deadlineMs });
  const folder = withUploadLimit(found, ready.account, await dependencies.uploadedBy(ready.account));
  if (destination.config.keep.length > 0 && folder.every(({ result }) => result !== 'failed')) {
    folder.push(await checkRetention(destination, { deadlineMs }));
  }
  if (takesRows(destination.config)) folder.push(await checkSheetsApi(destination, ready, { deadlineMs }));
  if (!write)
    return [
      ...folder,
      skipped('probe', 'No file was written. To create and delete a probe file, run: courier doctor --write'),
    ];
  const isWritable = folder.some(({ check, result }) => check === 'writable' && result === 'passed');
  if (!isWritable || config === undefined) return folder;
  const facts = { account: ready.account, runtime: self.email, name: credentials, config };
  return [...folder, await checkByWriting(dependencies, destination, facts, { deadlineMs })];
};

/** The checks of one account of a destination. */
const examineAccount = async (
  shared: Shared,
  { name, config, credentials }: { name: string; config: DestinationConfig; credentials: string },
  write: boolean,
): Promise<Check[]> => {
  const account = shared.accounts.get(credentials);
  const finding = await account?.finding;
  if (account === undefined || finding === undefined) return [];
  if (finding.ready === undefined) return finding.checks;
  const { drive, sheets } = account;
  const destination = { name, config, drive, sheets, credentials };
  return [...finding.checks, ...(await examineDrive(shared, destination, finding.ready, write))];
};

const examineDestination = async (
  shared: Shared,
  name: string,
  config: DestinationConfig,
  { write, essentials }: Required<Examination>,
): Promise<Check[]> => {
  const { dependencies, self } = shared;
  const { credentials } = config;
  // Deliveries begin with the first account, and need no other one as long as Drive accepts its uploads.
  const accounts = await Promise.all(
    (essentials ? credentials.slice(0, 1) : credentials).map(async (each) => ({
      credentials: each,
      checks: await examineAccount(shared, { name, config, credentials: each }, write),
    })),
  );
  const usesIdentity =
    credentials.some((each) => needsOwnIdentity(dependencies, each)) || dependencies.config.ledger !== 'memory';
  const found = [
    checkConfiguration(dependencies, config),
    shared.clock,
    await shared.ledger,
    usesIdentity ? self.check : skipped('identity', 'Not needed: the key is in a file.'),
    ...mergeAccounts(accounts),
    ...(await shared.surroundings(name)),
  ];
  return inOrder(found, config);
};

/** Checks all destinations at the same time. What they share is checked once. */
export const examine = async (
  dependencies: DoctorDependencies,
  { write, essentials = false }: Examination,
): Promise<DoctorReport> => {
  const shared = await examineShared(dependencies, essentials);
  const destinations = await Promise.all(
    Object.entries(dependencies.config.destinations).map(async ([name, config]) => {
      const checks = await examineDestination(shared, name, config, { write, essentials });
      return [name, { ok: checks.every(({ result }) => result !== 'failed'), checks }] as const;
    }),
  );
  const byName = Object.fromEntries(destinations);
  return { ok: destinations.every(([, { ok }]) => ok), findings: findingsOf(byName), destinations: byName };
};
