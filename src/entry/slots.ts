import { CourierError } from '../errors.ts';

/** How many deliveries this instance has in hand at once. */
export interface Slots {
  /** Does the work if there is room for it. @throws CourierError `busy` at once: waiting here would hold the caller's body open */
  hold<Result>(work: () => Promise<Result>): Promise<Result>;
}

export const createSlots = (most: number): Slots => {
  let held = 0;
  return {
    async hold(work) {
      if (held >= most) {
        throw new CourierError('busy', {
          detail: `This instance has ${most} deliveries in hand.`,
          retryAfterSeconds: 2,
        });
      }
      held += 1;
      try {
        return await work();
      } finally {
        held -= 1;
      }
    },
  };
};
