import type { Config } from './config/config.ts';
import { createDriveAuth } from './credentials/create-drive-auth.ts';
import type { DriveAuth } from './credentials/drive-auth.ts';
import type { RuntimeIdentity } from './credentials/runtime/runtime-identity.ts';
import { createFolders } from './delivery/naming/folders.ts';
import type { Allow, Destination } from './delivery/resolve-options.ts';
import { impliedDestination } from './domain.ts';
import { createDrive } from './drive/create-drive.ts';
import type { Drive } from './drive/drive.ts';
import { createPace } from './drive/pacing.ts';
import type { BufferBudget } from './drive/upload/buffer-budget.ts';
import { CourierError } from './errors.ts';
import type { RetryingTransport } from './google/transport.ts';
import type { Policy } from './identity/policy.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Log } from './log.ts';
import { renderTemplate, type TemplateValues } from './text/template.ts';
import type { UploadCounts } from './upload-counts.ts';

/** A destination, with the credentials that files are written with. */
export interface DestinationWithAuth extends Destination {
  auth: DriveAuth;
}

interface Dependencies {
  transport: RetryingTransport;
  runtime: RuntimeIdentity;
  budget: BufferBudget;
  ledger: Ledger;
  now: () => number;
  log: Log;
  /** Default: uploads are not counted. */
  uploadCounts?: Pick<UploadCounts, 'add'> | undefined;
}

type DestinationsConfig = Pick<Config, 'credentials' | 'googleOrigin'>;

/**
 * The Drive account of one entry of `credentials`, with empty caches: tokens, pacing and ids belong to one account.
 * @throws Error for a name that the configuration does not contain
 */
export const openAccount = (
  { credentials, googleOrigin }: DestinationsConfig,
  name: string,
  { transport, runtime, budget, now, log, uploadCounts }: Omit<Dependencies, 'ledger'>,
): { auth: DriveAuth; drive: Drive } => {
  const config = credentials[name];
  if (config === undefined) throw new Error(`no credentials named "${name}"`);
  const auth = createDriveAuth({ name, config, transport, googleOrigin, runtime, now, log });
  const uploaded = (bytes: number): void => uploadCounts?.add(name, auth.account() ?? name, bytes);
  return { auth, drive: createDrive({ transport, auth, budget, pace: createPace({ now }), now, log, uploaded }) };
};

/** What the destinations with the same credentials share. */
const createAccounts = (config: DestinationsConfig, dependencies: Dependencies) =>
  new Map(
    Object.keys(config.credentials).map((name) => {
      const { ledger, now, log } = dependencies;
      const { auth, drive } = openAccount(config, name, dependencies);
      return [name, { auth, drive, folders: createFolders({ drive, ledger, now, log }) }];
    }),
  );

/** Every destination of the configuration, by name. */
export const createDestinations = (
  config: DestinationsConfig & Pick<Config, 'destinations'>,
  dependencies: Dependencies,
): ReadonlyMap<string, DestinationWithAuth> => {
  const accounts = createAccounts(config, dependencies);
  const destinations = new Map<string, DestinationWithAuth>();
  for (const [name, destination] of Object.entries(config.destinations)) {
    const account = accounts.get(destination.credentials);
    if (account === undefined) throw new Error(`no credentials named "${destination.credentials}"`);
    const renderPath = destination.path.includes('{')
      ? (values: TemplateValues) => renderTemplate(destination.path, values)
      : undefined;
    destinations.set(name, { name, config: destination, renderPath, ...account });
  }
  return destinations;
};

/** Decides who may write where: callers by the policy; pushes and events by the destinations of their subscription or function. */
export const createAllow = (destinations: ReadonlyMap<string, Destination>, policy: Policy): Allow => {
  const grantedName = (named: string | undefined, granted: readonly string[]): string | undefined => {
    const meant = impliedDestination(named, granted);
    return granted.includes(meant) ? meant : undefined;
  };
  return (caller, named, granted) => {
    const name = granted === undefined ? policy.resolveDestination(named, caller) : grantedName(named, granted);
    const destination = name === undefined ? undefined : destinations.get(name);
    if (destination === undefined) throw new CourierError('destination-forbidden');
    return destination;
  };
};
