import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { MinThroughput } from './request/incoming-request.ts';

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
}

/** Once there are more holders than this, those without a share are removed. */
const MAX_IDLE_HOLDERS = 1_000;

/**
 * The amount that must stay free when a holder takes more: a quarter of its share. A holder without a share may take
 * all that is free.
 */
const leftBy = (held: number): number => (held === 0 ? 0 : Math.max(1, Math.floor(held / 4)));

/**
 * Divides a capacity between holders. The capacity is a quarter larger than the limit of one holder, so a single holder
 * can reach its limit and still leaves room for the next one: each new holder gets at least a fifth of what is free.
 * Network switches share their buffers between ports with the same kind of threshold: Choudhury and Hahne, "Dynamic
 * queue length thresholds for shared-memory packet switches", 1998.
 * @param max the limit of one holder
 */
export const createShares = (max: number): Shares => {
  const capacity = max + Math.max(1, Math.floor(max / 4));
  const holders = new Map<string, number>();
  let free = capacity;

  const heldBy = (holder: string): number => holders.get(holder) ?? 0;
  const available = (holder: string): number => {
    const held = heldBy(holder);
    return Math.max(0, Math.min(max - held, free - leftBy(held)));
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
    open(first) {
      let holder = first;
      let held = 0;
      const release = (amount = held): void => {
        add(holder, -amount);
        held -= amount;
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

/** The capacity that the requests of one instance share, and the minimum throughput of their bodies. */
export interface Capacity {
  slots: Slots;
  memory: DocumentMemory;
  /** Default: the minimum throughput of each route. */
  minThroughput: MinThroughput | undefined;
}

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
}

/** The names of holders: callers are counted by the subject of their token, pushes by their subscription. */
export const holderOf = {
  caller: ({ sub }: Caller): string => `caller ${sub}`,
  /** Before the body of a push is read, only the account that sends it is known. */
  pusher: ({ sub }: Caller): string => `pusher ${sub}`,
  subscription: (name: string): string => `subscription ${name}`,
} as const;

/**
 * @param max the maximum number of concurrent deliveries of one holder; all holders together may have a quarter more
 */
export const createSlots = (max: number): Slots => {
  const shares = createShares(max);
  const busy = (): CourierError =>
    new CourierError('busy', {
      detail: `This instance has as many deliveries in hand as it takes from one caller (${max}), or from all.`,
      retryAfterSeconds: 2,
    });
  return {
    async hold(holder, work) {
      const share = shares.open(holder);
      if (!share.take(1)) throw busy();
      try {
        return await work({
          move(next) {
            if (!share.move(next)) throw busy();
          },
        });
      } finally {
        share.release();
      }
    },
  };
};

/** The largest export document over HTTP: the platform's limit for an HTTP/1 request. */
export const MAX_DOCUMENT_BYTES = 33_554_432;

/** 10 MB of data as base64, 100 attributes of 1,280 bytes, and the JSON around them (pubsub/quotas#resource_limits). */
export const MAX_PUSH_BYTES = 16_777_216;

/** The part of the shared memory that one document occupies. */
export interface DocumentLease {
  /** Reserves memory for bytes that have arrived. @throws CourierError `busy` */
  take(bytes: number): void;
  /** Transfers the reserved memory to another holder. @throws CourierError `busy` */
  move(holder: string): void;
}

/**
 * The memory for documents that are kept in memory completely. Only bytes that have arrived count, not the announced
 * size.
 */
export interface DocumentMemory {
  /**
   * Runs work that keeps a document in memory.
   * @param announced the size of the document, if the request announces it: a document that does not fit is rejected
   * before it is read
   * @throws CourierError `busy` immediately
   */
  hold<Result>(
    holder: string,
    announced: number | undefined,
    work: (lease: DocumentLease) => Promise<Result>,
  ): Promise<Result>;
}

/**
 * @param maxBytes the limit of one holder, and therefore of one document; all holders together may use a quarter more
 */
export const createDocumentMemory = (maxBytes: number): DocumentMemory => {
  const shares = createShares(maxBytes);
  const busy = (): CourierError =>
    new CourierError('busy', {
      detail: `This instance has as many bytes of documents in hand as it takes from one caller (${maxBytes}), or from all.`,
      retryAfterSeconds: 2,
    });
  return {
    async hold(holder, announced = 0, work) {
      if (announced > shares.available(holder)) throw busy();
      const share = shares.open(holder);
      try {
        return await work({
          take(bytes) {
            if (!share.take(bytes)) throw busy();
          },
          move(next) {
            if (!share.move(next)) throw busy();
          },
        });
      } finally {
        share.release();
      }
    },
  };
};
