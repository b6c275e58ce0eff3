import { createHash, randomInt } from 'node:crypto';
import { z } from 'zod';
import type { Log } from '../log.ts';
import type { Clocks } from '../steady-clock.ts';
import type { Ledger, StoredEntry } from './ledger.ts';

/**
 * Counts amounts by subject and UTC day, across all instances. Counting never waits for the ledger: each instance counts
 * its own amounts exactly, and exchanges them with the others in the background. Between two exchanges it does not see what
 * the others count. If the ledger cannot be reached, the amounts are kept and written later.
 */
export interface DayCounters {
  /** The UTC day, `YYYY-MM-DD`. */
  today(): string;
  /** The seconds that are left of it, rounded up. */
  secondsLeft(): number;
  /** The amount of today: of this instance exactly, and of the others as of the last exchange. */
  used(subject: string): number;
  /** @param day of the amount; an amount of an earlier day is ignored */
  add(subject: string, amount: number, day?: string): void;
  /** Exchanges the amounts with the other instances now. Never throws. */
  refresh(): Promise<void>;
  /** Writes what is not yet written, for at most two seconds. */
  close(): Promise<void>;
}

interface DayCountersOptions extends Clocks {
  ledger: Ledger;
  /** Counters of different kinds are stored separately. */
  kind: string;
  log: Log;
  /** Milliseconds between two exchanges. */
  intervalMs?: number;
  /** For tests; default: a random one. */
  shard?: number;
}

/** Firestore accepts about one write per second and document, so 100 instances need ten documents (firestore/docs/best-practices). */
const SHARDS = 16;
const INTERVAL_MS = 10_000;
const CLOSE_MS = 2_000;
const MAX_CONFLICTS = 5;
/** About 70 KB of JSON, below the limit of a record. Further subjects are counted in each instance only. */
const MAX_SUBJECTS = 2_000;

/** Anybody with a valid token is a subject, also those who may not deliver. The names of more subjects are computed again. */
const MAX_NAMES = 10_000;

const recordSchema = z.object({ amounts: z.record(z.string(), z.number()) });
type Amounts = ReadonlyMap<string, number>;

/** Subjects are hashed, so that the ledger does not list who was active. */
const nameOf = (subject: string): string => createHash('sha256').update(subject).digest('base64url').slice(0, 16);

const amountsOf = (entry: StoredEntry | undefined): Map<string, number> =>
  new Map(entry === undefined ? [] : Object.entries(recordSchema.parse(entry.record).amounts));

const DAY_MS = 86_400_000;
/** If the clock is set back over midnight by less than this, the new day stays the current one, because the amounts of the day before are already forgotten. */
const SMALL_STEP_MS = 600_000;
const dayOf = (nowMs: number): string => new Date(nowMs).toISOString().slice(0, 10);

/** One day of this instance, by the hashed names of the subjects. */
interface Day {
  day: string;
  /** Epoch milliseconds. */
  endMs: number;
  /** The hashed names of the first subjects, which are needed for every file. */
  names: Map<string, string>;
  own: Map<string, number>;
  /** The part of `own` that is in the ledger. */
  written: Map<string, number>;
  others: Map<string, number>;
}

const newDay = (nowMs: number): Day => ({
  day: dayOf(nowMs),
  endMs: (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS,
  names: new Map(),
  own: new Map(),
  written: new Map(),
  others: new Map(),
});

const nameIn = ({ names }: Day, subject: string): string => {
  const known = names.get(subject);
  if (known !== undefined) return known;
  const name = nameOf(subject);
  if (names.size < MAX_NAMES) names.set(subject, name);
  return name;
};

const unwritten = ({ own, written }: Day): Map<string, number> =>
  new Map(
    [...own]
      .map(([name, amount]): [string, number] => [name, amount - (written.get(name) ?? 0)])
      .filter(([, amount]) => amount !== 0),
  );

/** The amounts in a document of the ledger, after these are added. */
const added = (stored: Map<string, number>, amounts: Amounts): { stored: Map<string, number>; names: string[] } => {
  const names: string[] = [];
  for (const [name, amount] of amounts) {
    if (!stored.has(name) && stored.size >= MAX_SUBJECTS) continue;
    stored.set(name, (stored.get(name) ?? 0) + amount);
    names.push(name);
  }
  return { stored, names };
};

export const createDayCounters = ({
  ledger,
  kind,
  now,
  wall,
  log,
  intervalMs = INTERVAL_MS,
  shard = randomInt(SHARDS),
}: DayCountersOptions): DayCounters => {
  let current = newDay(wall());
  /** The day before, while it has amounts that are not yet written. */
  let earlier: Day | undefined;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let lastMs = Number.NEGATIVE_INFINITY;

  const keyOf = (day: string, index: number): string => `count:${kind}:${day}:${index}`;

  /** Adds amounts to this instance's document. @returns all amounts in it, and the names that were added */
  const write = async (day: string, amounts: Amounts): Promise<ReturnType<typeof added>> => {
    const key = keyOf(day, shard);
    let entry = await ledger.read(key);
    for (let attempt = 1; ; attempt++) {
      const next = added(amountsOf(entry), amounts);
      if (next.names.length === 0) return next;
      const record = { amounts: Object.fromEntries(next.stored) };
      const claim = { fileId: '', fingerprint: '', state: 'claimed', record, claimedAtMs: wall() } as const;
      const written =
        entry === undefined
          ? await ledger.claim(key, claim)
          : await ledger.record(key, { state: 'claimed', record }, entry);
      if (written.mine) return next;
      if (attempt >= MAX_CONFLICTS) throw new Error('other instances changed the counters at the same time');
      entry = written.entry;
    }
  };

  const exchangeDay = async (state: Day): Promise<void> => {
    const amounts = unwritten(state);
    const { stored, names } = await write(state.day, amounts);
    for (const name of names) state.written.set(name, (state.written.get(name) ?? 0) + (amounts.get(name) ?? 0));
    if (state !== current) return;
    const indexes = Array.from({ length: SHARDS }, (_, index) => index).filter((index) => index !== shard);
    const entries = await Promise.all(indexes.map((index) => ledger.read(keyOf(state.day, index))));
    const totals = new Map<string, number>();
    for (const document of [stored, ...entries.map(amountsOf)]) {
      for (const [name, amount] of document) totals.set(name, (totals.get(name) ?? 0) + amount);
    }
    state.others = new Map(
      [...totals].map(([name, total]) => [name, Math.max(0, total - (state.written.get(name) ?? 0))]),
    );
  };

  const exchange = async (): Promise<void> => {
    lastMs = now();
    try {
      if (earlier !== undefined) {
        await exchangeDay(earlier);
        earlier = undefined;
      }
      await exchangeDay(current);
    } catch (error) {
      // The amounts stay unwritten, so the next exchange writes them.
      log.debug({ error, kind }, 'the counters of the day could not be exchanged');
      if (unwritten(current).size > 0 || earlier !== undefined) schedule();
    }
  };

  const run = (): Promise<void> => {
    running ??= exchange().finally(() => {
      running = undefined;
    });
    return running;
  };

  /** Starts an exchange as soon as the interval since the last one is over. */
  const schedule = (): void => {
    if (!ledger.isShared || timer !== undefined) return;
    const waitMs = Math.min(intervalMs, Math.max(0, lastMs + intervalMs - now()));
    timer = setTimeout(() => {
      timer = undefined;
      void run();
    }, waitMs).unref();
  };

  const today = (): string => {
    const nowMs = wall();
    if (nowMs >= current.endMs || nowMs < current.endMs - DAY_MS - SMALL_STEP_MS) {
      if (ledger.isShared && unwritten(current).size > 0) earlier = current;
      current = newDay(nowMs);
    }
    return current.day;
  };

  return {
    today,
    secondsLeft() {
      today();
      return Math.ceil((current.endMs - wall()) / 1_000);
    },
    used(subject) {
      today();
      schedule();
      const name = nameIn(current, subject);
      return (current.own.get(name) ?? 0) + (current.others.get(name) ?? 0);
    },
    add(subject, amount, day = today()) {
      if (day !== today() || amount === 0) return;
      const name = nameIn(current, subject);
      current.own.set(name, (current.own.get(name) ?? 0) + amount);
      schedule();
    },
    async refresh() {
      today();
      if (ledger.isShared) await run();
    },
    async close() {
      clearTimeout(timer);
      timer = undefined;
      if (!ledger.isShared) return;
      const flush = async (): Promise<void> => {
        await running;
        if (unwritten(current).size > 0 || earlier !== undefined) await run();
        clearTimeout(timer);
      };
      let limit: NodeJS.Timeout | undefined;
      const timeUp = new Promise<void>((resolve) => {
        limit = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([flush(), timeUp]);
      clearTimeout(limit);
    },
  };
};
