import type { Config } from '../config.ts';
import type { DriveAuth } from '../credentials/drive-auth.ts';
import type { RuntimeIdentity } from '../credentials/runtime-identity.ts';
import type { Caller } from '../delivery.ts';
import type { Drive } from '../drive/drive.ts';
import { CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import { examine } from './examine.ts';
import type { DoctorReport } from './report.ts';

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
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
}

export type Doctor = (caller: Caller, options: { write: boolean }) => Promise<DoctorReport>;

/** Checks every destination's set-up against Google, for operators. @throws CourierError `caller-not-allowed` */
export const createDoctor =
  (dependencies: DoctorDependencies): Doctor =>
  async (caller, options) => {
    if (!dependencies.isOperator(caller)) throw new CourierError('caller-not-allowed');
    return examine(dependencies, options);
  };
