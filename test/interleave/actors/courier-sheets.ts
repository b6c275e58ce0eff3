import { createPace } from '../../../src/drive/pacing.ts';
import type { DriveAuth } from '../../../src/credentials/drive-auth.ts';
import type { RetryingTransport } from '../../../src/google/transport.ts';
import { acquireLease } from '../../../src/ledger/lease.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { Log } from '../../../src/log.ts';
import { createSheets } from '../../../src/sheets/create-sheets.ts';
import type { Sheets } from '../../../src/sheets/sheets.ts';

const LEDGER_MS = 14 * 86_400_000;

/** The Sheets client of one process, put together as in src/destinations.ts. What it remembers ends with the process. */
export const createCourierSheets = ({
  transport,
  auth,
  ledger,
  now,
  log,
}: {
  transport: RetryingTransport;
  auth: DriveAuth;
  ledger: Ledger;
  now: () => number;
  log: Log;
}): Sheets =>
  createSheets({
    ...{ transport, auth, ledgerMs: LEDGER_MS, now, wall: now, log },
    lock: (id, context) => acquireLease(ledger, `sheet:${id}`, 'Another append to this spreadsheet', context, { now }),
    createPace: (unitsPerMinute) => createPace({ now, unitsPerMinute }),
  });

/** The faults that can be injected into a call to Sheets. Google refuses a call with 429 if its quota is used up. */
export const sheetsFaults = ['503', '503-later', '429', 'reset', 'lost'];

export const isSheetsCall = (url: string): boolean => url.startsWith('https://sheets.googleapis.com/');
