import { seededRandom } from '../../../local/google/random.ts';
import type { WrittenRows } from '../../../src/sheets/sheets.ts';
import { type Instance, keyOf, type SheetsInTime } from './sheets-in-time.ts';

interface Many {
  appends: number;
  /** Instances that share the spreadsheet. */
  instances: number;
  /** Callers of each instance: each sends its next append when the last one is answered. */
  callers: number;
  /** A caller sends its next append up to this much later: what the network and other services take, in milliseconds. */
  pauseMs?: number;
  /** Of each instance. */
  requestsPerMinute?: number;
  /** The fraction of appends whose process ends before the receipt is recorded. They are repeated, by any instance. */
  lost?: number;
  seed?: number;
}

interface ManyAppended {
  spreadsheetId: string;
  receipts: ReadonlyMap<number, WrittenRows>;
  /** Simulated milliseconds that each append took. */
  latenciesMs: number[];
  /** Simulated. */
  minutes: number;
  changes: number;
  /** The most characters of metadata that the spreadsheet had. */
  mostMetadata: number;
}

const REPEATED_AFTER_MS = 30_000;

/** Appends one row for each of many keys. @throws if one of them fails, or if a repeated one is appended again */
export const appendMany = async (world: SheetsInTime, many: Many): Promise<ManyAppended> => {
  const { appends, instances, callers, pauseMs = 0, lost = 0, seed = 1 } = many;
  const random = seededRandom(seed);
  const spreadsheetId = await world.create();
  const couriers: Instance[] = Array.from({ length: instances }, () => world.instance(many));
  const receipts = new Map<number, WrittenRows>();
  const latenciesMs: number[] = [];
  let mostMetadata = 0;
  let next = 0;
  const any = (): Instance => couriers[Math.floor(random() * instances)] as Instance;

  const append = async (courier: Instance, serial: number, mayBeDone: boolean): Promise<WrittenRows> => {
    const startedMs = world.now();
    const csv = `n\n${serial}\n`;
    const written = await world.append(courier, spreadsheetId, { key: keyOf(`n${serial}`), csv, mayBeDone });
    latenciesMs.push(world.now() - startedMs);
    const metadata = world.google.sheets.metadataOf(spreadsheetId);
    const size = metadata.reduce((sum, { key, value = '' }) => sum + key.length + value.length, 0);
    mostMetadata = Math.max(mostMetadata, size);
    return written;
  };

  const deliver = async (courier: Instance, serial: number): Promise<void> => {
    receipts.set(serial, await append(courier, serial, false));
    if (random() >= lost) return courier.sheets.finished(spreadsheetId, keyOf(`n${serial}`));
    await world.sleep(REPEATED_AFTER_MS);
    const other = any();
    const again = await append(other, serial, true);
    if (!again.isRepeated) throw new Error(`${serial} was appended again`);
    other.sheets.finished(spreadsheetId, keyOf(`n${serial}`));
  };

  const caller = async (courier: Instance): Promise<void> => {
    while (next < appends) {
      await deliver(courier, next++);
      if (pauseMs > 0) await world.sleep(random() * pauseMs);
    }
  };
  const startedMs = world.now();
  const work = Promise.all(couriers.flatMap((courier) => Array.from({ length: callers }, () => caller(courier))));
  await world.run(work);
  return {
    ...{ spreadsheetId, receipts, latenciesMs, mostMetadata },
    minutes: (world.now() - startedMs) / 60_000,
    changes: couriers.reduce((sum, { changes }) => sum + changes(), 0),
  };
};

/** What is wrong with the rows of a spreadsheet and the ranges that the receipts say; empty if nothing is. */
export const faultsOfAppended = (
  { google }: SheetsInTime,
  { spreadsheetId, receipts }: ManyAppended,
  appends: number,
): string[] => {
  const rows = google.sheets.rowsOf(spreadsheetId);
  const faults: string[] = [];
  if (rows.length !== appends + 1) faults.push(`${rows.length - 1} rows of ${appends}`);
  if (new Set(rows.map(([cell]) => cell)).size !== rows.length) faults.push('rows are there twice');
  for (const [serial, { range }] of receipts) {
    const row = Number(/!A(\d+)$/.exec(range)?.[1]);
    if (rows[row - 1]?.[0] !== serial) faults.push(`${range} has not ${serial}`);
  }
  return faults;
};
