/** What one holder has of something that all holders share. */
interface Share {
  /** Takes so much more, if the rule below allows it. */
  take(amount: number): boolean;
  /** Moves what it has to another holder, if that one may take it; else nothing changes. */
  move(holder: string): boolean;
  /** Gives back so much, or all of it. */
  give(amount?: number): void;
}

export interface Shares {
  /** How much this holder may take now, in one piece. */
  room(holder: string): number;
  open(holder: string): Share;
}

/** Holders that have nothing are forgotten once there are so many of them. */
const MAX_IDLE_HOLDERS = 1_000;

/** What a holder must leave for others to take the next piece: a quarter of what it has; whoever has nothing may take the last. */
const leftBy = (held: number): number => (held === 0 ? 0 : Math.max(1, Math.floor(held / 4)));

/**
 * Shares of a whole that is a quarter larger than what one holder may have. So a holder that is alone gets all that it may
 * have, and can never take what the next one needs: each new holder finds at least a fifth of what is left.
 * (Switches share their buffers between ports by the same kind of threshold: Choudhury and Hahne, "Dynamic queue length
 * thresholds for shared-memory packet switches", 1998.)
 * @param most what one holder may have
 */
export const createShares = (most: number): Shares => {
  const whole = most + Math.max(1, Math.floor(most / 4));
  const holders = new Map<string, number>();
  let free = whole;

  const heldBy = (holder: string): number => holders.get(holder) ?? 0;
  const room = (holder: string): number => {
    const held = heldBy(holder);
    return Math.max(0, Math.min(most - held, free - leftBy(held)));
  };
  const add = (holder: string, amount: number): void => {
    // A holder that has nothing stays in the table, which would otherwise shrink and grow with every request.
    holders.set(holder, heldBy(holder) + amount);
    free -= amount;
    if (holders.size <= MAX_IDLE_HOLDERS) return;
    for (const [name, held] of holders) if (held === 0) holders.delete(name);
  };

  return {
    room,
    open(first) {
      let holder = first;
      let held = 0;
      const give = (amount = held): void => {
        add(holder, -amount);
        held -= amount;
      };
      const take = (amount: number): boolean => {
        if (amount > room(holder)) return false;
        add(holder, amount);
        held += amount;
        return true;
      };
      return {
        take,
        give,
        move(next) {
          if (next === holder) return true;
          const amount = held;
          const before = holder;
          give();
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
