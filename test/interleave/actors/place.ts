import { takeTurns } from '../../../src/account-turns.ts';
import { destination } from '../../../src/config/schema/destination.ts';
import type { DriveAuth } from '../../../src/credentials/drive-auth.ts';
import { createFolders } from '../../../src/delivery/naming/folders.ts';
import type { Destination } from '../../../src/delivery/resolve-options.ts';
import { createDrive } from '../../../src/drive/create-drive.ts';
import { createPace } from '../../../src/drive/pacing.ts';
import type { BufferBudget } from '../../../src/drive/upload/buffer-budget.ts';
import type { RetryingTransport } from '../../../src/google/transport.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { Log } from '../../../src/log.ts';
import type { Sheets } from '../../../src/sheets/sheets.ts';
import type { World } from '../world.ts';
import { createCourierSheets } from './courier-sheets.ts';
import { AUDITOR, COURIER, COURIER_TOKEN, WRITERS } from './local-drive.ts';

/** Small, so that a file of 600 KB needs a resumable upload session. */
const MULTIPART_BYTES = 100_000;

/** Fewer than the files of a scenario. */
const LIMITS = { concurrent: 1, filesPerMinute: 4 };

const configOf = ({ scenario: { base, isReadOnly, isLimited, settings }, folders, monitor }: World) =>
  destination.parse({
    ...(base === 'spreadsheet'
      ? // It is made before everything else, and a person may have deleted it since.
        { spreadsheet: monitor.changes.find(({ kind }) => kind === 'created')?.fileId }
      : { folder: folders.destination }),
    credentials: 'main',
    callers: ['exporter@local-project.iam.gserviceaccount.com'],
    readOnly: isReadOnly,
    ...(isLimited ? { perCaller: LIMITS } : {}),
    ...(settings.includes('keep') ? { keep: { last: 1 } } : {}),
    ...(settings.includes('share') ? { share: [{ type: 'user', email: AUDITOR, role: 'reader' }] } : {}),
  });

/** The accounts that the destination of a scenario writes with, in the order of its configuration. */
const writersOf = ({ scenario: { settings } }: World): readonly { name: string; token: string; email: string }[] => {
  if (settings.includes('accounts')) return WRITERS;
  if (settings.includes('my-drive')) return WRITERS.slice(0, 1);
  return [{ name: 'main', token: COURIER_TOKEN, email: COURIER }];
};

/** The destination of a scenario, with the memory of one process. */
export const openPlace = (
  world: World,
  {
    transport,
    budget,
    ledger,
    now,
    log,
  }: { transport: RetryingTransport; budget: BufferBudget; ledger: Ledger; now: () => number; log: Log },
): Destination => {
  const accounts = writersOf(world).map(({ name, token, email }) => {
    const auth: DriveAuth = {
      token: async () => token,
      rejected: () => undefined,
      account: () => email,
      rotated: () => undefined,
    };
    const pace = createPace({ now, unitsPerMinute: Number.POSITIVE_INFINITY });
    const drive = createDrive({ transport, auth, budget, pace, now, log, multipartBytes: MULTIPART_BYTES });
    const folders = createFolders({ drive, ledger, now, log });
    let sheets: Sheets | undefined;
    return {
      ...{ name, auth, drive, folders },
      // As in a real process, it is put together when rows come: its caches are large.
      async sheets() {
        sheets ??= createCourierSheets({ transport, auth, ledger, now, log });
        return sheets;
      },
    };
  });
  const [first, ...others] = takeTurns({ name: 'reports', config: configOf(world) }, accounts, { now });
  if (first === undefined) throw new Error('a destination has an account');
  return others.length === 0 ? { ...first, accounts: undefined } : first;
};
