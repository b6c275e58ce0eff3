import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../../../local/google/random.ts';
import type { Receipt } from '../../../src/domain.ts';
import { startFirestoreEmulator } from '../../support/firestore-emulator.ts';
import { AUDIENCE, startCourier } from '../couriers.ts';
import { sheetFaults } from '../faults.ts';
import { type GoogleProcess, startGoogleProcess } from '../google-process.ts';
import { startFleet } from '../run.ts';
import { forEachAtOnce } from '../sender.ts';

export interface SheetOptions {
  /** Requests. Each is a copy of one of `keys` deliveries. */
  appends: number;
  keys: number;
  processes: number;
  kills: number;
  /** The fraction of calls to Drive and Sheets that fail. */
  faults: number;
  seed: number;
  /** False: the couriers write no marks, to show that the check sees the doubles that follow. Default: true. */
  withMarks?: boolean;
  print?: (line: string) => void;
}

export interface SheetReport {
  appends: number;
  keys: number;
  rows: number;
  /** Rows that are there more than once: how many too many. */
  doubled: number;
  tries: number;
  kills: number;
  injected: number;
  seconds: number;
  faults: string[];
}

const AT_ONCE = 32;
const MAX_TRIES = 80;
const NAME = 'Chaos';
const SPREADSHEET = 'application/vnd.google-apps.spreadsheet';
const HEADER = ['key', 'row', 'of'];

/** A delivery of one to seven rows. */
const tableOf = (index: number): { key: string; rows: string[][] } => {
  const [key, count] = [`k${index}`, 1 + (index % 7)];
  return { key, rows: Array.from({ length: count }, (_, row) => [key, String(row), String(count)]) };
};

type Table = ReturnType<typeof tableOf>;

interface Sent {
  table: Table;
  receipt?: Receipt;
  why: string;
  tries: number;
}

/** Sends until there is a receipt, as a patient caller does. */
const send = async (table: Table, url: () => string, token: string): Promise<Sent> => {
  const query = new URLSearchParams({ name: NAME, convertTo: 'sheet', onConflict: 'append' });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/csv', 'idempotency-key': table.key };
  const body = [HEADER, ...table.rows].map((row) => `${row.join()}\n`).join('');
  let why = 'no answer';
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    try {
      const response = await fetch(`${url()}/v1/files?${query}`, { method: 'POST', headers, body });
      const answer = (await response.json()) as Receipt & { code?: string; retryable?: boolean };
      if (response.ok) return { table, receipt: answer, why: '', tries };
      why = answer.code ?? String(response.status);
      if (answer.retryable !== true) return { table, why, tries };
    } catch {
      why = 'no answer';
    }
    await sleep(200);
  }
  return { table, why: `given up: ${why}`, tries: MAX_TRIES };
};

/** The numbers of the first and the last row in `Tab!A2:C5`. */
const rowsOf = (range: string): [number, number] => {
  const [, first, last] = /!?[A-Z]+(\d+):[A-Z]+(\d+)$/.exec(range) ?? [];
  return [Number(first), Number(last)];
};

/** Nobody else edits the sheet, so what a receipt says of its range is still true at the end. */
const judge = async (
  google: GoogleProcess,
  sent: readonly Sent[],
): Promise<Pick<SheetReport, 'rows' | 'doubled' | 'faults'>> => {
  const stored = (await google.files(google.places.sharedDriveFolder)).filter(
    ({ mimeType }) => mimeType === SPREADSHEET,
  );
  const [sheet] = stored;
  if (sheet === undefined || stored.length !== 1)
    return { rows: 0, doubled: 0, faults: [`${stored.length} spreadsheets`] };
  const text = (row: readonly unknown[] | undefined): string => (row ?? []).map(String).join();
  const rows = await google.rows(sheet.id);
  const faults = sent.flatMap(({ table, receipt, why }) => {
    if (receipt === undefined) return [`${table.key}: ${why}`];
    if (receipt.id !== sheet.id) return [`${table.key}: a receipt for another spreadsheet`];
    const [first, last] = rowsOf(receipt.sheet?.range ?? '');
    const there = rows.slice(first - 1, last).map(text);
    const isRight = there.join('\n') === table.rows.map(text).join('\n');
    return isRight ? [] : [`${table.key}: ${receipt.sheet?.range} has other rows`];
  });
  if (text(rows[0]) !== HEADER.join()) faults.push('the header is missing');
  const wanted = new Set(sent.flatMap(({ table }) => table.rows.map(text)));
  const counts = Map.groupBy(rows.slice(1).map(text), (row) => row);
  for (const [row, copies] of counts) {
    if (copies.length > 1) faults.push(`${row}: ${copies.length} times`);
    if (!wanted.has(row)) faults.push(`${row}: nobody sent it`);
  }
  for (const row of wanted) if (!counts.has(row)) faults.push(`${row}: missing`);
  return { rows: rows.length - 1, doubled: rows.length - 1 - counts.size, faults };
};

const NO_MARKS = fileURLToPath(new URL('../no-marks.mjs', import.meta.url));

/** Runs it. Returns undefined with a clear warning if Google's Firestore emulator is missing. */
export const runSheet = async (options: SheetOptions): Promise<SheetReport | undefined> => {
  const { appends, keys, processes, kills, seed, withMarks = true, print = () => undefined } = options;
  const nodeOptions = withMarks ? [] : ['--import', NO_MARKS];
  const emulator = await startFirestoreEmulator();
  if (emulator === undefined) return undefined;
  const startedMs = performance.now();
  const random = seededRandom(seed ^ 0x5ee7);
  const google = await startGoogleProcess();
  const ledger = { kind: 'firestore', host: emulator.host, collection: `chaos-${randomUUID()}` } as const;
  const fleet = await startFleet(() => startCourier(google, ledger, undefined, nodeOptions), processes, random);
  try {
    const token = await google.idToken(google.callerEmail, AUDIENCE);
    await google.liftQuota();
    if (options.faults > 0) await google.addFaults(sheetFaults(options.faults, seed));
    const order = Array.from({ length: appends }, (_, turn) => ({ table: tableOf(turn % keys), rank: random() }))
      .toSorted((one, other) => one.rank - other.rank)
      .map(({ table }) => table);
    const sent: Sent[] = [];
    let killed = 0;
    let isOver = false;
    const killAlong = async (): Promise<void> => {
      while (killed < kills && !isOver) {
        if (sent.length < (appends * (killed + 1)) / (kills + 2)) {
          await sleep(10);
          continue;
        }
        await sleep(random() * 50);
        await fleet.killOne();
        killed += 1;
        print(`killed ${killed} of ${kills}; ${sent.length} of ${appends} answered`);
      }
    };
    const sending = forEachAtOnce(order, AT_ONCE, async (table) => {
      // Requests do not run ahead of the kills that should interrupt them.
      while (killed < kills && sent.length >= (appends * (killed + 2)) / (kills + 2)) await sleep(20);
      sent.push(await send(table, fleet.url, token));
    }).finally(() => {
      isOver = true;
    });
    await Promise.all([sending, killAlong()]);
    const injected = await google.clearFaults();
    const { rows, doubled, faults } = await judge(google, sent);
    if (killed !== kills) faults.push(`only ${killed} of ${kills} kills`);
    const tries = sent.reduce((sum, one) => sum + one.tries, 0);
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    return { appends, keys, rows, doubled, tries, kills: killed, injected, seconds, faults };
  } finally {
    await fleet.close();
    await google.close();
    await emulator.stop();
  }
};
