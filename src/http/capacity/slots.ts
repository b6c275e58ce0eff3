import type { Caller } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import { createShares } from './shares.ts';
import type { MinThroughput } from '../request/request-body.ts';
import type { DocumentMemory } from './document-memory.ts';

/** What the requests of one instance share, and how long each may take for its body. */
export interface Capacity {
  slots: Slots;
  memory: DocumentMemory;
  /** Default: what each route has for its bodies. */
  minThroughput: MinThroughput | undefined;
}

/** A delivery's place among those that this instance has in hand. */
export interface Slot {
  /** Counts the delivery for another holder from now on. @throws CourierError `busy` where that one has its share already */
  move(holder: string): void;
}

/** How many deliveries this instance has in hand at once, and for whom. */
export interface Slots {
  /**
   * Does the work if there is room for it.
   * @param holder whose delivery it is: one holder's slow bodies cannot keep all others out
   * @throws CourierError `busy` at once: waiting here would hold the caller's body open
   */
  hold<Result>(holder: string, work: (slot: Slot) => Promise<Result>): Promise<Result>;
}

/** Deliveries are counted by who sends them: callers by their subject, pushes by their subscription. */
export const holderOf = {
  caller: ({ sub }: Caller): string => `caller ${sub}`,
  /** Until the body of a push is read, only the account is known that pushes. */
  pusher: ({ sub }: Caller): string => `pusher ${sub}`,
  subscription: (name: string): string => `subscription ${name}`,
} as const;

/** @param most deliveries of one holder at once; a quarter more than that may be in hand for all holders together */
export const createSlots = (most: number): Slots => {
  const shares = createShares(most);
  const busy = (): CourierError =>
    new CourierError('busy', {
      detail: `This instance has as many deliveries in hand as it takes from one caller (${most}), or from all.`,
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
        share.give();
      }
    },
  };
};
