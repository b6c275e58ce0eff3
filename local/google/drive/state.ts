import type { Surroundings } from '../seam.ts';
import type { Discovery } from './discovery.ts';
import type { Ids } from './ids.ts';
import type { Account, DriveLimits, Mail } from './model.ts';
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
  departures: string[];
  surroundings: Surroundings;
  /** Epoch milliseconds. */
  now: () => number;
  /** True for addresses of Google accounts and groups. */
  isKnownAddress(email: string): boolean;
  /** Finds a person, and makes their account and My Drive on first sight. */
  account(email: string, kind?: Account['kind']): Account;
}
