import { type Account, type DestinationWithAuth, takeTurns } from './account-turns.ts';
import type { Config } from './config/config.ts';
import { DEFAULT_LEDGER_DAYS } from './config/schema/ledger.ts';
import { createDriveAuth } from './credentials/create-drive-auth.ts';
import type { DriveAuth } from './credentials/drive-auth.ts';
import type { RuntimeIdentity } from './credentials/runtime/runtime-identity.ts';
import { createFolders } from './delivery/naming/folders.ts';
import { createDrive } from './drive/create-drive.ts';
import type { Drive } from './drive/drive.ts';
import { createPace } from './drive/pacing.ts';
import type { BufferBudget } from './drive/upload/buffer-budget.ts';
import { countUploads, type UploadCounts } from './drive/upload-counts.ts';
import type { RetryingTransport } from './google/transport.ts';
import { acquireLease } from './ledger/lease.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Log } from './log.ts';
import type { Sheets } from './sheets/sheets.ts';
import type { Sleep } from './sleep.ts';
import { type Clocks, createDriveClock, type DriveClock } from './steady-clock.ts';
import { renderTemplate } from './text/template.ts';

interface Dependencies extends Clocks {
  /** Drive's clock, which the accounts share. Default: one for each account. */
  driveClock?: DriveClock;
  transport: RetryingTransport;
  runtime: RuntimeIdentity;
  budget: BufferBudget;
  ledger: Ledger;
  /** Default: real time. */
  sleep?: Sleep | undefined;
  log: Log;
  /** Default: uploads are not counted. */
  uploadCounts?: Pick<UploadCounts, 'add' | 'known'> | undefined;
}

type DestinationsConfig = Pick<Config, 'credentials' | 'googleOrigin' | 'ledger'>;

const DAY_MS = 86_400_000;

/** How long the ledger keeps an entry, in milliseconds. The one in memory ends with the process. */
const keptMs = (ledger: Config['ledger']): number =>
  (ledger === 'memory' ? DEFAULT_LEDGER_DAYS : ledger.firestore.ttlDays) * DAY_MS;

/** The spreadsheets of one account. Most services never use them, so the code is loaded by the first call. */
const createSheetsLoader = (
  auth: DriveAuth,
  ledgerMs: number,
  { transport, ledger, now, wall, log }: Dependencies,
): (() => Promise<Sheets>) => {
  let loading: Promise<Sheets> | undefined;
  const load = async (): Promise<Sheets> => {
    const { createSheets } = await import('./sheets/create-sheets.ts');
    const lock = (id: string, context: Parameters<typeof acquireLease>[3]) =>
      acquireLease(ledger, `sheet:${id}`, 'Another append to this spreadsheet', context, { now });
    return createSheets({
      ...{ transport, auth, lock, ledgerMs, now, wall, log },
      createPace: (unitsPerMinute) => createPace({ now, unitsPerMinute }),
    });
  };
  return () => {
    loading ??= load();
    return loading;
  };
};

/**
 * The account of one entry of `credentials`, with empty caches: tokens, pacing and ids belong to one account.
 * @throws Error for a name that the configuration does not contain
 */
export const openAccount = (
  { credentials, googleOrigin, ledger }: DestinationsConfig,
  name: string,
  dependencies: Dependencies,
): { auth: DriveAuth; drive: Drive; sheets(): Promise<Sheets> } => {
  const { transport, runtime, budget, now, driveClock: clock, sleep, log, uploadCounts } = dependencies;
  const config = credentials[name];
  if (config === undefined) throw new Error(`no credentials named "${name}"`);
  const auth = createDriveAuth({ name, config, transport, googleOrigin, runtime, now, log });
  const uploaded = uploadCounts && countUploads(uploadCounts, name, auth);
  const pace = createPace({ now, sleep });
  const drive = createDrive({ transport, auth, budget, pace, now, clock, log, uploaded });
  return { auth, drive, sheets: createSheetsLoader(auth, keptMs(ledger), dependencies) };
};

const createAccounts = (config: DestinationsConfig, dependencies: Dependencies): ReadonlyMap<string, Account> => {
  const { ledger, now, log } = dependencies;
  const driveClock = createDriveClock(now);
  return new Map(
    Object.keys(config.credentials).map((name) => {
      const account = openAccount(config, name, { ...dependencies, driveClock });
      const folders = createFolders({ drive: account.drive, ledger, now, log });
      return [name, { ...account, name, folders }];
    }),
  );
};

/** Every destination of the configuration, by name. */
export const createDestinations = (
  config: DestinationsConfig & Pick<Config, 'destinations'>,
  dependencies: Dependencies,
): ReadonlyMap<string, DestinationWithAuth> => {
  const accounts = createAccounts(config, dependencies);
  const destinations = new Map<string, DestinationWithAuth>();
  for (const [name, destination] of Object.entries(config.destinations)) {
    const used = destination.credentials.map((credentials) => {
      const account = accounts.get(credentials);
      if (account === undefined) throw new Error(`no credentials named "${credentials}"`);
      return account;
    });
    const hasPlaceholders = `${destination.path}${destination.name ?? ''}`.includes('{');
    const render = hasPlaceholders ? renderTemplate : undefined;
    const views = takeTurns({ name, config: destination, render }, used, dependencies);
    const [first] = views;
    if (first === undefined) throw new Error(`destination "${name}" has no credentials`);
    destinations.set(name, views.length === 1 ? { ...first, accounts: undefined } : first);
  }
  return destinations;
};
