import type { ServiceContext } from '../../google-service.ts';
import type { Discovery } from '../discovery/discovery.ts';
import type { Account, DriveLimits, Mail } from '../model.ts';
import type { Ids } from './ids.ts';
import type { Quota } from './quota.ts';
import type { Store } from './store.ts';

/** What every method of this Drive works on. */
export interface DriveState {
  store: Store;
  ids: Ids;
  discovery: Discovery;
  limits: DriveLimits;
  quota: Quota;
  mails: Mail[];
  /** Where answers were not what the discovery document says. */
  schemaViolations: string[];
  context: ServiceContext;
  /** Epoch milliseconds. */
  now: () => number;
  /** True for addresses of Google accounts and groups. */
  isKnownAddress(email: string): boolean;
  /** Finds a person, and makes their account and My Drive on first itemAccess. */
  account(email: string, kind?: Account['kind']): Account;
}
