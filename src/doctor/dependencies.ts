import type { Config } from '../config/config.ts';
import type { DriveAuth } from '../credentials/drive-auth.ts';
import type { RuntimeIdentity } from '../credentials/runtime-identity.ts';
import type { Caller } from '../domain.ts';
import type { Drive } from '../drive/drive.ts';
import type { GoogleTransport } from '../google/transport.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';

/** What the doctor examines, and by what. */
export interface DoctorDependencies {
  config: Config;
  isOperator(caller: Caller): boolean;
  /** The right to Drive of one entry of `credentials`, made anew: what is remembered of keys and tokens may be an hour old. */
  right(credentials: string): { auth: DriveAuth; drive: Drive };
  /** The one that deliveries use. */
  ledger: Ledger;
  transport: Pick<GoogleTransport, 'send'>;
  /** Who the courier itself is. */
  runtime: Pick<RuntimeIdentity, 'token' | 'email'>;
  /** By the word of the metadata server. @throws CourierError `google-unavailable` */
  isCloudRun(): Promise<boolean>;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
}
