/** How long a failure is answered from memory, so that a storm of requests is not a storm on Google. */
const FAILURE_MEMORY_MS = 3_000;

interface RefreshedOptions<Value> {
  load(): Promise<Value>;
  /** From here on it is renewed in the background, while the old one is still handed out; epoch milliseconds. */
  staleAtMs(value: Value): number;
  /** From here on callers wait for a new one; epoch milliseconds. */
  uselessAtMs(value: Value): number;
  /** A renewal in the background failed; the old value still serves. */
  onStale(error: unknown): void;
  /** Epoch milliseconds. */
  now: () => number;
}

/** One value that grows old: kept while it is good, renewed ahead of its end, loaded once however many wait. */
export interface Refreshed<Value> {
  get(): Promise<Value>;
  /** What is held, however old. */
  peek(): Value | undefined;
  /** Forgets the value, the last failure and the load under way: whoever asks next gets what is true then. */
  drop(): void;
  /** Holds a value that was loaded otherwise, in place of all that `drop` forgets. */
  put(value: Value): void;
}

export const createRefreshed = <Value>({
  load,
  staleAtMs,
  uselessAtMs,
  onStale,
  now,
}: RefreshedOptions<Value>): Refreshed<Value> => {
  let value: Value | undefined;
  let pending: Promise<Value> | undefined;
  let failure: { error: unknown; atMs: number } | undefined;
  /** Tells a load that was dropped in the meantime from the current one. */
  let generation = 0;

  const start = async (mine: number): Promise<Value> => {
    try {
      const loaded = await load();
      if (mine === generation) {
        value = loaded;
        failure = undefined;
      }
      return loaded;
    } catch (error) {
      if (mine === generation) failure = { error, atMs: now() };
      throw error;
    } finally {
      if (mine === generation) pending = undefined;
    }
  };

  const renew = (): Promise<Value> => {
    pending ??= start(generation);
    return pending;
  };

  const reset = (held: Value | undefined): void => {
    generation += 1;
    value = held;
    pending = undefined;
    failure = undefined;
  };

  return {
    async get() {
      const atMs = now();
      // A clock that was set back since ends it at once.
      const failedLately = failure !== undefined && atMs >= failure.atMs && atMs < failure.atMs + FAILURE_MEMORY_MS;
      if (value !== undefined && atMs < uselessAtMs(value)) {
        if (atMs >= staleAtMs(value) && pending === undefined && !failedLately) renew().catch(onStale);
        return value;
      }
      if (failedLately && pending === undefined) throw failure?.error;
      return renew();
    },
    peek: () => value,
    drop: () => reset(undefined),
    put: reset,
  };
};
