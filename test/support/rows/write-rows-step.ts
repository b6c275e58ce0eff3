import { createHash } from 'node:crypto';
import type { DestinationConfig } from '../../../src/config/schema/destination.ts';
import type { Claim } from '../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../src/delivery/plan.ts';
import type { RowsPlan } from '../../../src/delivery/store/rows/plan-rows.ts';
import { writeRows } from '../../../src/delivery/store/rows/write-rows.ts';
import type { Receipt } from '../../../src/domain.ts';
import { superseded } from '../../../src/sheets/errors.ts';
import type { AppendRequest, Sheets, WrittenRows } from '../../../src/sheets/sheets.ts';
import { driveFile } from '../drive/drive-file.ts';
import { createFakeStep } from '../drive/fake-upload-step.ts';

export const SHEET = driveFile({ mimeType: 'application/vnd.google-apps.spreadsheet' });
export const PLAN: RowsPlan = { kind: 'appendRows', fileId: 'f1', folderId: 'folder' };
export const TO_MAKE: RowsPlan = { ...PLAN, fileId: '' };
export const LEASE_KEY = 'convert:["folder","report.csv"]';
export const CSV = Buffer.from('day,orders\nmon,3\n');
export const SHA256 = createHash('sha256').update(CSV).digest('hex');
export const RECEIPT = { id: 'f1', sha256: SHA256 } as Receipt;
export const OF_OTHERS = { ...RECEIPT, sha256: createHash('sha256').update('other rows').digest('hex') };

export const claimOf = (plan: Plan, change: Partial<Claim> = {}): Partial<Claim> => ({
  ...{ key: 'delivery:k', mine: true, plan: () => plan, refresh: async () => undefined, isFinished: () => true },
  ...{ commitTo: async () => 'committed', revise: async () => undefined },
  ...change,
});

/** Writes the rows of a delivery to a Sheets that takes every batch. */
export const setUpRows = ({
  plan = PLAN,
  claim,
  maxBytes = 1_000,
  keep = [],
  range = 'Sheet1!A1:B2',
  isOvertaken = false,
  fails,
  driveAnswers = {},
}: {
  plan?: RowsPlan;
  claim?: Partial<Claim>;
  maxBytes?: number;
  /** Of the destination. */
  keep?: DestinationConfig['keep'];
  /** That was written. */
  range?: string;
  /** Sheets writes nothing, because the ledger has a receipt by then. */
  isOvertaken?: boolean;
  fails?: (request: AppendRequest) => Error;
  driveAnswers?: object;
}) => {
  const finished: string[] = [];
  const written: WrittenRows = {
    ...{ spreadsheetId: 'f1', sheetId: 7, tab: 'Sheet1', range, rows: 1, columnsAdded: [] },
    isRepeated: false,
  };
  const asked: AppendRequest[] = [];
  const take = async (request: AppendRequest): Promise<WrittenRows> => {
    asked.push(request);
    if (fails !== undefined) throw fails(request);
    if (isOvertaken && (await request.isSuperseded?.())) throw superseded();
    for (;;) if ((await request.batches.next()).done) return written;
  };
  const sheets: Partial<Sheets> = {
    append: (request) => take(request),
    replace: (request) => take({ ...request, columns: 'extend' }),
    finished: (_, key) => void finished.push(key),
  };
  const source = {
    async *open() {
      yield CSV;
    },
  };
  const setting = { plan, claim, files: [SHEET], config: { maxBytes, keep }, sheets, source, driveAnswers };
  const fake = createFakeStep(setting);
  /** The leases that are being kept; none is renewed here. */
  const leases: (AbortSignal | undefined)[] = [];
  const sleep = (_: number, signal?: AbortSignal): Promise<void> => {
    leases.push(signal);
    return new Promise(() => undefined);
  };
  const step = { ...fake.step, sleep };
  return { ...fake, step, leases, asked, finished, run: () => writeRows(step, plan) };
};
