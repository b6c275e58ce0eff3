import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';

/** The share that one holder has of a common capacity. */
interface Share {
  /** Increases the share, if the rule of `createShares` allows it; false if it does not. */
  take(amount: number): boolean;
  /**
   * Transfers the share to another holder. Returns false, and changes nothing, if that holder would exceed its limit.
   */
  move(holder: string): boolean;
  /** Releases this amount, or the whole share. */
  release(amount?: number): void;
}

export interface Shares {
  /** The largest amount that this holder may take now. */
  available(holder: string): number;
  open(holder: string): Share;
  /**
   * Calls the listener after each release, because an amount that was refused may be available then.
   * Returns a function that ends this.
   */
  onRelease(listener: () => void): () => void;
}

/** Once there are more holders than this, those without a share are removed. */
const MAX_IDLE_HOLDERS = 1_000;

/** Unless specified otherwise, a holder must leave a quarter of its share free for others. */
const DEFAULT_LEFT = 1 / 4;

/** The amount that must stay free when a holder takes more. A holder without a share may take all that is free. */
const leftBy = (held: number, left: number): number => (held === 0 ? 0 : Math.max(1, Math.floor(held * left)));

/** The capacity for all holders, if one may have so much. */
const capacityFor = (max: number, left = DEFAULT_LEFT): number => max + Math.max(1, Math.floor(max * left));

/**
 * Divides a capacity between holders. The capacity is larger than the limit of one holder by what it must leave free, so a
 * single holder can reach its limit and still leaves room for the next one. With a quarter, each new holder gets at least a
 * fifth of what is free. Network switches share their buffers between ports with the same kind of threshold: Choudhury
 * and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998.
 * @param max the limit of one holder
 * @param left how much a holder must leave free for others, as a part of its share
 */
export const createShares = (max: number, left = DEFAULT_LEFT): Shares => {
  const holders = new Map<string, number>();
  const listeners = new Set<() => void>();
  let free = capacityFor(max, left);

  const heldBy = (holder: string): number => holders.get(holder) ?? 0;
  const available = (holder: string): number => {
    const held = heldBy(holder);
    return Math.max(0, Math.min(max - held, free - leftBy(held, left)));
  };
  const add = (holder: string, amount: number): void => {
    // A holder without a share stays in the map for now. Otherwise the map would shrink and grow with every request.
    holders.set(holder, heldBy(holder) + amount);
    free -= amount;
    if (holders.size <= MAX_IDLE_HOLDERS) return;
    for (const [name, held] of holders) if (held === 0) holders.delete(name);
  };

  return {
    available,
    onRelease(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    open(first) {
      let holder = first;
      let held = 0;
      const release = (amount = held): void => {
        add(holder, -amount);
        held -= amount;
        for (const listener of listeners) listener();
      };
      const take = (amount: number): boolean => {
        if (amount > available(holder)) return false;
        add(holder, amount);
        held += amount;
        return true;
      };
      return {
        take,
        release,
        move(next) {
          if (next === holder) return true;
          const amount = held;
          const before = holder;
          release();
          holder = next;
          if (take(amount)) return true;
          holder = before;
          add(holder, amount);
          held = amount;
          return false;
        },
      };
    },
  };
};

/** A running delivery, counted against the limit of its holder. */
export interface Slot {
  /** Counts the delivery for another holder from now on. @throws CourierError `busy` if that holder is at its limit */
  move(holder: string): void;
}

/** Limits the concurrent deliveries of this instance, in total and per holder. */
export interface Slots {
  /**
   * Runs the work if there is a free slot.
   * @param holder the account or subscription that the delivery counts for, so that slow bodies of one holder cannot
   * block all others
   * @throws CourierError `busy` immediately, because a request that waits here would keep its body and connection open
   */
  hold<Result>(holder: string, work: (slot: Slot) => Promise<Result>): Promise<Result>;
  /**
   * How much this holder presses the others, from 0 to 1: 0 if it has no more than its fair share or half of the slots
   * are free, 1 if it has more and all slots are taken.
   */
  pressure(holder: string): number;
}

/** The names of holders: callers are counted by the subject of their token, pushes by their subscription. */
export const holderOf = {
  caller: ({ sub }: Caller): string => `caller ${sub}`,
  /** Before the body of a push is read, only the account that sends it is known. */
  pusher: ({ sub }: Caller): string => `pusher ${sub}`,
  subscription: (name: string): string => `subscription ${name}`,
} as const;

/** How long a holder's slots count as its demand after it used or requested them, in milliseconds. */
const DEMAND_MS = 60_000;

interface Demand {
  held: number;
  /** The most slots that it has held or requested at the same time, and when. */
  wanted: number;
  atMs: number;
}

/**
 * Divides slots fairly for a minute after a holder with no more than its fair share was refused. Each holder may then have
 * its fair share (all slots, divided by the number of holders), and in addition what the others have not requested within
 * a minute. So a holder that retries quickly cannot take every slot that becomes free, and slots that nobody else needs are
 * not left unused.
 */
const createFairness = (capacity: number, now: () => number) => {
  const holders = new Map<string, Demand>();
  let used = 0;
  /** When a holder with no more than its fair share was last refused. */
  let contendedAtMs = Number.NEGATIVE_INFINITY;

  const demandOf = (holder: string): Demand => {
    const known = holders.get(holder);
    if (known !== undefined) return known;
    const demand = { held: 0, wanted: 0, atMs: now() };
    holders.set(holder, demand);
    return demand;
  };
  const isOver = ({ held, atMs }: Demand): boolean => held === 0 && atMs + DEMAND_MS <= now();
  const wantedNow = ({ held, wanted, atMs }: Demand): number => (atMs + DEMAND_MS <= now() ? held : wanted);

  /** Not rounded: what is left by rounding would all go to the greediest holder. */
  const fairShare = (): number => {
    for (const [name, demand] of holders) if (isOver(demand)) holders.delete(name);
    return Math.max(1, capacity / Math.max(1, holders.size));
  };
  const limitOf = (holder: string): number => {
    const fair = fairShare();
    let reserved = 0;
    for (const [name, demand] of holders) if (name !== holder) reserved += Math.min(fair, wantedNow(demand));
    return Math.max(fair, capacity - reserved);
  };

  const want = (demand: Demand, wanted: number): void => {
    if (wanted < wantedNow(demand)) return;
    demand.wanted = wanted;
    demand.atMs = now();
  };

  return {
    allows(holder: string): boolean {
      return contendedAtMs + DEMAND_MS <= now() || demandOf(holder).held < limitOf(holder);
    },
    refused(holder: string): void {
      const demand = demandOf(holder);
      if (demand.held <= fairShare()) contendedAtMs = now();
      want(demand, Math.min(capacity, wantedNow(demand) + 1));
    },
    add(holder: string, amount: 1 | -1): void {
      const demand = demandOf(holder);
      demand.held += amount;
      used += amount;
      want(demand, demand.held);
    },
    pressure(holder: string): number {
      const load = used / capacity;
      if (load <= 0.5 || demandOf(holder).held <= fairShare()) return 0;
      return Math.min(1, 2 * load - 1);
    },
  };
};

/**
 * @param max the maximum number of concurrent deliveries of one holder; all holders together may have a quarter more
 * @param now epoch milliseconds
 */
export const createSlots = (max: number, now: () => number = Date.now): Slots => {
  const shares = createShares(max);
  const fairness = createFairness(capacityFor(max), now);
  const busy = (): CourierError =>
    new CourierError('busy', {
      detail: `The deliveries that this instance is handling have reached the limit of ${max} for one caller, or the limit for all.`,
      retryAfterSeconds: 2,
    });
  return {
    pressure: fairness.pressure,
    async hold(first, work) {
      const share = shares.open(first);
      let holder = first;
      if (!fairness.allows(holder) || !share.take(1)) {
        fairness.refused(holder);
        throw busy();
      }
      fairness.add(holder, 1);
      try {
        return await work({
          move(next) {
            if (next === holder) return;
            if (!fairness.allows(next) || !share.move(next)) {
              fairness.refused(next);
              throw busy();
            }
            fairness.add(holder, -1);
            fairness.add(next, 1);
            holder = next;
          },
        });
      } finally {
        share.release();
        fairness.add(holder, -1);
      }
    },
  };
};
