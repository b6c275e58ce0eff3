interface PoolOptions {
  /** How many items may be worked on at the same time. Asked before each one. */
  limit(): number;
  /** True when no other item must be started. */
  isOver(): boolean;
}

/** Results in the order in which they arrive. */
interface Pool<Result> extends AsyncIterable<Result> {
  /** Resolves when no work is in progress. */
  settled(): Promise<void>;
}

/**
 * Works on the items of a list, several at the same time, and yields the results. An item is taken from
 * the list when its work can start, and no work starts while nobody takes results. The work must not reject.
 */
export const createPool = <Item, Result>(
  items: AsyncGenerator<Item>,
  work: (item: Item) => Promise<Result>,
  { limit, isOver }: PoolOptions,
): Pool<Result> => {
  const results: Result[] = [];
  const inProgress = new Set<Promise<void>>();
  let next: IteratorResult<Item> | undefined;
  let reading: Promise<void> | undefined;
  let listFailure: { error: unknown } | undefined;
  let wake = (): void => undefined;

  const read = async (): Promise<void> => {
    try {
      next = await items.next();
    } catch (error) {
      listFailure = { error };
    }
    reading = undefined;
    wake();
  };

  const start = (item: Item): void => {
    const task = work(item).then((result) => {
      results.push(result);
      inProgress.delete(task);
      wake();
    });
    inProgress.add(task);
  };

  /** Starts the next item if there is one and there is room for it. */
  const advance = (): boolean => {
    if (isOver() || listFailure !== undefined || next?.done) return false;
    if (next === undefined) {
      reading ??= read();
      return false;
    }
    if (inProgress.size >= limit()) return false;
    start(next.value);
    next = undefined;
    return true;
  };

  async function* run(): AsyncGenerator<Result> {
    for (;;) {
      while (advance());
      const result = results.shift();
      if (result !== undefined) {
        yield result;
        continue;
      }
      const isWaiting = inProgress.size > 0 || (reading !== undefined && !isOver());
      if (!isWaiting) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (listFailure !== undefined) throw listFailure.error;
  }

  return {
    [Symbol.asyncIterator]: run,
    async settled() {
      await Promise.all(inProgress);
      // Not awaited: the list may be the caller's own, and wait for something.
      items.return(undefined).catch(() => undefined);
    },
  };
};
