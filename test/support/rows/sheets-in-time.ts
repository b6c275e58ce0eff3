import { setImmediate as turn } from 'node:timers/promises';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { ColumnRule } from '../../../src/domain.ts';
import { createPace } from '../../../src/drive/pacing.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import { type Attempt, createHttp, type Http } from '../../../src/google/http.ts';
import { acquireLease } from '../../../src/ledger/lease.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createSheets } from '../../../src/sheets/create-sheets.ts';
import { batchesOf } from '../../../src/sheets/rows/batches.ts';
import { readRows } from '../../../src/sheets/rows/read-rows.ts';
import type { Sheets, WrittenRows } from '../../../src/sheets/sheets.ts';
import type { Sleep } from '../../../src/sleep.ts';
import { apiOf, SHEET } from '../../local/drive/drive-api.ts';
import { createVirtualTime } from '../../simulate/virtual-time.ts';
import { createKeptLog } from '../kept-log.ts';

const START_MS = Date.UTC(2026, 10, 29);
/** Between two looks at whether something is due, in simulated milliseconds. */
const STEP_MS = 20;
const DEADLINE_MS = 600_000;
const MAX_RUN_MS = 3 * 3_600_000;

/** One instance of the courier, as far as Sheets is concerned. */
export interface Instance {
  sheets: Sheets;
  /** Changes that it has sent. */
  changes(): number;
  /** Ends it: it sends nothing more and hears no answer. @param afterChanges once it has sent so many changes */
  kill(afterChanges?: number): void;
  /** The network holds back its next change for so long, in simulated milliseconds. */
  delayChange(milliseconds: number): void;
  /** The connection breaks at the next change: `before` it is sent, or `after` it was applied. */
  breakChange(when: 'before' | 'after'): void;
  /** Its next changes are not applied: each is `refused` with 400, or `lost` on its way. */
  rejectChanges(outcomes: readonly ('refused' | 'lost')[]): void;
  /** From now on, Google answers its changes with 503. */
  failChanges(): void;
  /** From now on, only the search shows it marks: the answers to its looks at ranges have none. */
  hideMarks(): void;
  /** Someone acts when its next change is applied, before it gets the answer. */
  afterChange(act: () => Promise<void>): void;
}

interface Append {
  /** 32 characters. */
  key: string;
  csv: string;
  tab?: string;
  columns?: ColumnRule;
  mayBeDone?: boolean;
  /** Default: the one of a service. */
  maxBatchBytes?: number;
  signal?: AbortSignal;
  dates?: boolean;
}

/** Sheets of the courier against a local Google, in simulated time: minutes of waiting for a quota take no time. */
export interface SheetsInTime {
  google: LocalGoogle;
  now(): number;
  /** A new spreadsheet. @returns its id */
  create(name?: string): Promise<string>;
  instance(options?: { requestsPerMinute?: number; withMarks?: boolean }): Instance;
  append(instance: Instance, spreadsheetId: string, append: Append): Promise<WrittenRows>;
  /** Replaces all values of a tab. */
  replace(
    instance: Instance,
    spreadsheetId: string,
    rows: Pick<Append, 'key' | 'csv' | 'tab' | 'mayBeDone'>,
  ): Promise<WrittenRows>;
  sleep(milliseconds: number): Promise<void>;
  /** Runs the time until the work is done. */
  run<Result>(work: Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** An answer of `spreadsheets.get` without the metadata of the spreadsheet. */
const withoutMetadata = ({ body, ...answer }: Awaited<ReturnType<Http['send']>>) => {
  const { developerMetadata: _, ...shown } = JSON.parse(body.toString());
  return { ...answer, body: Buffer.from(JSON.stringify(shown)) };
};

const bytesOf = async function* (text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
};

export const startSheetsInTime = async (): Promise<SheetsInTime> => {
  const time = createVirtualTime();
  const now = (): number => START_MS + time.now();
  const google = await startLocalGoogle({ now });
  const { courier } = google.world.emails;
  const scopes = ['https://www.googleapis.com/auth/drive'];
  const drive = apiOf(google, courier, scopes);
  const ledger = createMemoryLedger({ now });
  const underWay = new Set<Promise<unknown>>();
  const closers: (() => void)[] = [];

  /** The simulated time stands while a request is on its way. */
  const counted = (http: Http, mayAnswer: (attempt: Attempt) => boolean): Http => ({
    ...http,
    async send(attempt) {
      const answer = http.send(attempt);
      underWay.add(answer);
      const answered = await answer.finally(() => underWay.delete(answer));
      return mayAnswer(attempt) ? answered : new Promise<never>(() => undefined);
    },
  });

  return {
    google,
    now,
    create: (name = 'book') => drive.make({ name, mimeType: SHEET, parents: [google.places.sharedDrive] }),
    instance({ requestsPerMinute = Number.POSITIVE_INFINITY, withMarks = true } = {}) {
      let changes = 0;
      let lastChange = Number.POSITIVE_INFINITY;
      let delayMs = 0;
      let breaks: 'before' | 'after' | undefined;
      let isFailing = false;
      let hidesMarks = false;
      let actOf: (() => Promise<void>) | undefined;
      const rejections: ('refused' | 'lost')[] = [];
      const isDead = (): boolean => changes >= lastChange;
      const log = createKeptLog();
      const http = counted(createHttp(), () => !isDead());
      const mortal: Http = {
        ...http,
        async send(attempt) {
          if (isDead()) return new Promise<never>(() => undefined);
          if (hidesMarks && attempt.url.includes('?ranges=')) return withoutMetadata(await http.send(attempt));
          if (!attempt.url.includes(':batchUpdate')) return http.send(attempt);
          changes += 1;
          const heldMs = delayMs;
          delayMs = 0;
          if (heldMs > 0) await time.sleep(heldMs);
          const broken = breaks;
          breaks = undefined;
          if (broken === 'after') await http.send(attempt);
          const rejection = rejections.shift();
          if (rejection === 'refused') return { status: 400, headers: {}, body: Buffer.from('{}') };
          if (rejection === 'lost') throw new Error('the connection is broken');
          if (isFailing) return { status: 503, headers: {}, body: Buffer.alloc(0) };
          if (broken !== undefined) throw new Error('the connection is broken');
          const act = actOf;
          actOf = undefined;
          if (act === undefined) return http.send(attempt);
          const acted = http.send(attempt).then(async (answer) => act().then(() => answer));
          underWay.add(acted);
          return acted.finally(() => underWay.delete(acted));
        },
      };
      closers.push(http.close);
      const transport = createTransport({
        ...{ googleOrigin: google.origin, now, log, http: mortal, sleep: time.sleep },
        random: () => 0.5,
      });
      const auth = {
        token: async () => google.world.accessToken(courier, scopes),
        rejected: () => undefined,
        account: () => courier,
        rotated: () => undefined,
      };
      const lock = (id: string, context: Parameters<typeof acquireLease>[3]) => {
        /** A dead process does not renew its lease. */
        const sleep: Sleep = async (milliseconds, signal) => {
          await time.sleep(milliseconds, signal);
          if (isDead()) await new Promise<never>(() => undefined);
        };
        return acquireLease(ledger, `sheet:${id}`, 'Another append', context, { now, sleep });
      };
      return {
        sheets: createSheets({
          ...{ transport, auth, lock, now, wall: now, log, withMarks, requestsPerMinute, sleep: time.sleep },
          ledgerMs: 14 * 86_400_000,
          createPace: (unitsPerMinute) => createPace({ now, sleep: time.sleep, unitsPerMinute, random: () => 0.5 }),
        }),
        changes: () => changes,
        kill: (afterChanges = 0) => {
          lastChange = afterChanges;
        },
        delayChange: (milliseconds) => {
          delayMs = milliseconds;
        },
        afterChange: (act) => {
          actOf = act;
        },
        hideMarks: () => {
          hidesMarks = true;
        },
        failChanges: () => {
          isFailing = true;
        },
        rejectChanges: (outcomes) => void rejections.push(...outcomes),
        breakChange: (when) => {
          breaks = when;
        },
      };
    },
    append({ sheets }, spreadsheetId, { key, csv, maxBatchBytes, signal, dates = false, ...rest }) {
      const rows = readRows(bytesOf(csv), { mimeType: 'text/csv', dates });
      return sheets.append({
        ...{ spreadsheetId, key, columns: 'extend', mayBeDone: false, ...rest },
        batches: batchesOf(rows, maxBatchBytes),
        context: { deadlineMs: now() + DEADLINE_MS, signal },
      });
    },
    replace({ sheets }, spreadsheetId, { key, csv, ...rest }) {
      return sheets.replace({
        ...{ spreadsheetId, key, mayBeDone: false, ...rest },
        batches: batchesOf(readRows(bytesOf(csv), { mimeType: 'text/csv', dates: false, anyShape: true })),
        context: { deadlineMs: now() + DEADLINE_MS },
      });
    },
    sleep: (milliseconds) => time.sleep(milliseconds),
    async run(work) {
      let isDone = false;
      const end = (): void => {
        isDone = true;
      };
      work.then(end, end);
      const untilMs = time.now() + MAX_RUN_MS;
      while (!isDone) {
        if (time.now() > untilMs) throw new Error('the work has not ended after three simulated hours');
        if (underWay.size > 0) await Promise.race(underWay).catch(() => undefined);
        // What an answer sets off may take some turns, and may send the next request.
        for (let count = 0; count < 4 && !isDone && underWay.size === 0; count++) await turn();
        if (underWay.size === 0 && !isDone) await time.run(time.now() + STEP_MS);
      }
      return work;
    },
    async close() {
      for (const close of closers) close();
      await google.close();
    },
  };
};

/** A key as deliveries have them: 32 characters. */
export const keyOf = (name: string): string => name.padEnd(32, '-').slice(0, 32);
