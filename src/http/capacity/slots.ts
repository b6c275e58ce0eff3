import type { Caller } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import { createShares } from './shares.ts';
import type { MinThroughput } from '../request/request-body.ts';
import type { DocumentMemory } from './document-memory.ts';

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
