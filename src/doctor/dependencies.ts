import type { Config } from '../config/config.ts';
import type { DriveAuth } from '../credentials/drive-auth.ts';
import type { RuntimeIdentity } from '../credentials/runtime/runtime-identity.ts';
import type { Drive } from '../drive/drive.ts';
import type { GoogleTransport } from '../google/transport.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import type { Sheets } from '../sheets/sheets.ts';
import type { Clocks } from '../steady-clock.ts';

/** What the doctor examines, and the dependencies that it uses. */
export interface DoctorDependencies extends Clocks {
  config: Config;
  /** Opens the account of one entry of `credentials` with empty caches, because cached keys and tokens may be an hour old. */
  openAccount(credentials: string): { auth: DriveAuth; drive: Drive; sheets(): Promise<Sheets> };
  /** The ledger that deliveries use. */
  ledger: Ledger;
  /** The bytes that the courier has uploaded as this account since midnight UTC. */
  uploadedBy(account: string): Promise<number>;
  transport: Pick<GoogleTransport, 'send'>;
  /** The courier's own identity. */
  runtime: Pick<RuntimeIdentity, 'token' | 'email'>;
  /** The courier's own project. @throws CourierError if it is not known */
  project(): Promise<string>;
  /** According to the metadata server. @throws CourierError `google-unavailable` */
  isCloudRun(): Promise<boolean>;
  log: Log;
}
