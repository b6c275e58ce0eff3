import { setTimeout as delay } from 'node:timers/promises';
import { callerToken, configuredService, type Running, run } from '../programs/contenders.ts';
import { median, type Report } from '../figures.ts';
import { createAgent, runLoad, sendBytes } from '../load.ts';
import type { GoogleProcess } from '../programs/processes.ts';

const MEBIBYTE = 1024 * 1024;
const CALLERS = 64;
const QUERY = 'convertTo=sheet&onConflict=append';

interface Shape {
  /** Appends that each of the 64 callers makes, one after another. */
  appendsEach: number;
  /** Appends by a single caller: what the courier may send at once, and then those that complete two minutes of the quota. */
  alone: { atOnce: number; paced: number };
  /** Rows of the table whose CPU time is measured. */
  rows: number;
  /** The sizes of the two tables whose memory is compared. */
  mebibytes: { less: number; more: number };
}

/** Rows of four texts with a thousand characters each, in a mebibyte. Its first line is a header, and otherwise one more row. */
const widePiece = (): Buffer => {
  const line = Buffer.from(`${['a', 'b', 'c', 'd'].map((name) => name.repeat(1_000)).join()}\n`);
  const piece = Buffer.alloc(MEBIBYTE, line);
  piece.write('a,b,c,d\n');
  // The line that is cut off by the header continues as a row of fewer cells, and so does the one at the end.
  piece.write('\n', MEBIBYTE - 1);
  return piece;
};

/** Rows of six cells as a report has them. */
const reportRows = (count: number): Buffer => {
  const row = (at: number): string => `2026-11-24,Lisbon ${at % 97},${at},${at * 7}.25,true,"ordered, and paid"`;
  return Buffer.from(
    `day,shop,orders,revenue,open,note\n${Array.from({ length: count }, (_, at) => row(at)).join('\n')}\n`,
  );
};

/** Calls to Sheets and to Drive. */
const countCalls = async (google: GoogleProcess): Promise<{ sheets: number; drive: number }> => {
  const calls = await google.calls();
  const sheets = calls.filter(({ host }) => host === 'sheets.googleapis.com').length;
  return {
    sheets,
    drive: calls.filter(({ host, path }) => host === 'www.googleapis.com' && path.includes('/drive/')).length,
  };
};

interface Appends {
  requests: number;
  seconds: number;
  perMinute: number;
  /** Calls per append. */
  sheets: number;
  drive: number;
  /** CPU milliseconds of the service per append. */
  cpuMs: number;
  medianMs: number;
}

const perMinute = (requests: number, seconds: number): number => (requests / seconds) * 60;

/** Appends to one sheet by one new service. */
const measureAppends = async <Measured>(
  google: GoogleProcess,
  name: string,
  measure: (append: (requests: number, concurrency: number) => Promise<Appends>) => Promise<Measured>,
): Promise<Measured> => {
  const token = await callerToken(google);
  const service = await run(configuredService(google, {}));
  const agent = createAgent(CALLERS);
  let serial = 0;
  const append = async (requests: number, concurrency: number): Promise<Appends> => {
    await google.clearCalls();
    const before = service.cpuSeconds();
    const from = serial;
    serial += requests;
    const load = await runLoad({
      url: () => `${service.url}/?name=${name}&${QUERY}`,
      headers: (turn) => ({
        authorization: `Bearer ${token}`,
        'content-type': 'text/csv',
        'idempotency-key': `${name}-${from + turn}`,
      }),
      body: (turn) => Buffer.from(`day,shop,orders\n2026-11-24,Lisbon,${from + turn}\n`),
      ...{ requests, concurrency, agent },
    });
    const { sheets, drive } = await countCalls(google);
    const { seconds, latenciesMs } = load;
    const cpuMs = ((service.cpuSeconds() - before) / requests) * 1_000;
    return {
      ...{ requests, seconds, perMinute: perMinute(requests, seconds) },
      ...{ sheets: sheets / requests, drive: drive / requests, cpuMs, medianMs: median(latenciesMs) },
    };
  };
  try {
    await append(1, 1);
    return await measure(append);
  } finally {
    agent.destroy();
    await service.stop();
  }
};

/** Sends one table, and returns the CPU time and memory that the service used for it. */
const measureTable = async (
  google: GoogleProcess,
  { name, bytes, piece }: { name: string; bytes: number; piece: Buffer },
): Promise<{ cpuSeconds: number; peakMebibytes: number; seconds: number }> => {
  const headers = { authorization: `Bearer ${await callerToken(google)}`, 'content-type': 'text/csv' };
  const service: Running = await run(configuredService(google, {}));
  const send = (file: string, size: number, content: Buffer) =>
    sendBytes(`${service.url}/?name=${file}&${QUERY}`, { bytes: size, headers, piece: content });
  try {
    // The code for sheets is loaded and compiled by the first tables.
    for (let turn = 0; turn < 3; turn++) await send(`warm-up-${name}`, WARM_UP.byteLength, WARM_UP);
    await delay(500);
    const before = service.cpuSeconds();
    const { seconds, fileId } = await send(name, bytes, piece);
    const used = service.cpuSeconds() - before;
    await google.admin('removeFile', { fileId });
    return { cpuSeconds: used, peakMebibytes: service.peakBytes() / MEBIBYTE, seconds };
  } finally {
    await service.stop();
  }
};

const WARM_UP = reportRows(2_000);

/** Rows that are appended to a sheet. */
export const benchSheet = async (google: GoogleProcess, shape: Shape): Promise<Report> => {
  await google.admin('setSheetsLimits', { enforceQuota: true });
  const grouped = await measureAppends(google, 'grouped', (append) => append(CALLERS * shape.appendsEach, CALLERS));
  // Another service has used up a part of the minute.
  await google.admin('setSheetsLimits', { enforceQuota: false });
  const { single, paced } = await measureAppends(google, 'alone', async (append) => ({
    single: await append(shape.alone.atOnce, 1),
    paced: shape.alone.paced === 0 ? undefined : await append(shape.alone.paced, 1),
  }));
  const table = reportRows(shape.rows);
  const { cpuSeconds } = await measureTable(google, { name: 'report', bytes: table.byteLength, piece: table });
  const wide = (mebibytes: number) =>
    measureTable(google, { name: `wide-${mebibytes}`, bytes: mebibytes * MEBIBYTE, piece: widePiece() });
  const less = await wide(shape.mebibytes.less);
  const more = await wide(shape.mebibytes.more);
  const cpuPerRow = (cpuSeconds / shape.rows) * 1e6;
  const line = (name: string, appends: Appends) => [
    ...[name, appends.perMinute, appends.sheets, appends.drive, appends.cpuMs, appends.medianMs],
  ];
  const minutes = (first: Appends, then: Appends): Appends => ({
    ...then,
    perMinute: perMinute(first.requests + then.requests, first.seconds + then.seconds),
  });
  return {
    title: 'Rows into a sheet',
    how: `Appends of one row to one sheet, each with its own Idempotency-Key, by one service. The local Google enforces Google’s quota of 60 reads and 60 writes a minute for the ${CALLERS} callers, ${shape.appendsEach} appends each. One caller may first use half of a minute’s writes at once, and in two minutes gets as many appends as there are writes. CPU is that of the service per append. A table of ${shape.rows.toLocaleString('en')} rows with six cells takes ${cpuPerRow.toFixed(1)} µs of CPU a row. A CSV file of ${shape.mebibytes.less} MiB with cells of 1,000 characters takes at most ${less.peakMebibytes.toFixed(0)} MiB of memory, and one of ${shape.mebibytes.more} MiB ${more.peakMebibytes.toFixed(0)} MiB (in ${more.seconds.toFixed(0)} s, because of the quota).`,
    columns: ['', 'appends a minute', 'Sheets requests per append', 'Drive calls per append', 'CPU ms', 'median ms'],
    rows: [
      line('one caller, within what may be sent at once', single),
      ...(paced === undefined ? [] : [line('one caller, two minutes', minutes(single, paced))]),
      line(`${CALLERS} callers`, grouped),
    ],
    bounds: [
      {
        what: `${CALLERS} callers: appends a minute`,
        ...{ value: grouped.perMinute, limit: 3_000, atLeast: true, quick: 'unjudged' as const },
      },
      {
        what: `${CALLERS} callers: Sheets requests per append`,
        ...{ value: grouped.sheets, limit: 0.05, quick: 0.2 },
      },
      {
        what: `${CALLERS} callers: Drive calls per append`,
        ...{ value: grouped.drive, limit: 0.2, quick: 0.6 },
      },
      { what: 'one caller: Sheets requests per append', value: single.sheets, limit: 2 },
      { what: 'one caller: Drive calls per append', value: single.drive, limit: 2 },
      { what: 'CPU per row', value: cpuPerRow, limit: 60, unit: ' µs', quick: 150 },
      {
        what: `peak memory of ${shape.mebibytes.more} MiB of cells`,
        ...{ value: more.peakMebibytes, limit: 220, unit: ' MiB', quick: 220 },
      },
      {
        what: `peak memory of ${shape.mebibytes.more} over ${shape.mebibytes.less} MiB of cells`,
        ...{ value: more.peakMebibytes / less.peakMebibytes, limit: 1.15, quick: 1.4 },
      },
    ],
  };
};
