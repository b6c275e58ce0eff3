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
