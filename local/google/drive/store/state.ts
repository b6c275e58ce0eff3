import type { ServiceContext } from '../../google-service.ts';
import type { Discovery } from '../discovery/discovery.ts';
import type { Account, DriveLimits, Mail } from '../model.ts';
import type { Ids } from './ids.ts';
import type { Quota } from './quota.ts';
import type { Store } from './store.ts';

/** The state that all methods of this Drive share. */
export interface DriveState {
  store: Store;
  ids: Ids;
  discovery: Discovery;
  limits: DriveLimits;
  quota: Quota;
  mails: Mail[];
  /** Where answers violated the discovery document. */
  schemaViolations: string[];
  context: ServiceContext;
  /** Epoch milliseconds. */
  now: () => number;
  /** True for addresses of Google accounts and groups. */
  isKnownAddress(email: string): boolean;
  /** Finds an account. An unknown one is created together with its My Drive. */
  account(email: string, kind?: Account['kind']): Account;
}
