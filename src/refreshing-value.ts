/** How long a failure is answered from memory, so that many requests during an outage don't all reach Google. */
const DEFAULT_FAILURE_PAUSE_MS = 3_000;

interface RefreshingValueOptions<Value> {
  load(): Promise<Value>;
  /** True from the time at which the value is renewed in the background, while it is still handed out. */
  isStale(value: Value, nowMs: number): boolean;
  /** True from the time at which callers wait for a new value. */
  isExpired(value: Value, nowMs: number): boolean;
  /** Called after a new value has taken the place of the previous one. */
  onLoaded?: ((value: Value, previous: Value | undefined) => void) | undefined;
  /** Called when a renewal in the background fails; the previous value is still handed out. */
  onRenewalFailure?: ((error: unknown) => void) | undefined;
  /** Milliseconds after a failure in which callers without a value get the same error. */
  failurePauseMs?: number;
  /** Milliseconds after a failure in which no renewal is started in the background. */
  renewalPauseMs?: number;
  /** Epoch milliseconds. */
  now: () => number;
}

/**
 * One value that expires (stale-while-revalidate): kept while it is valid, renewed in the background before it expires, and
 * loaded once however many callers wait for it.
 */
export interface RefreshingValue<Value> {
  get(): Promise<Value>;
  /** The value that is held, however old. */
  peek(): Value | undefined;
  /** Loads a new value, or joins the load in progress. @param pauseMs after a failure within this time, that failure is thrown again */
  renew(pauseMs: number): Promise<Value>;
  /** Forgets the value, the last failure and the load in progress: the next caller starts a new load. */
  clear(): void;
  /** Sets a value that was loaded elsewhere, and forgets what `clear` forgets. */
  set(value: Value): void;
}

export const createRefreshingValue = <Value>({
  load,
  isStale,
  isExpired,
  onLoaded,
  onRenewalFailure = () => undefined,
  failurePauseMs = DEFAULT_FAILURE_PAUSE_MS,
  renewalPauseMs = failurePauseMs,
  now,
}: RefreshingValueOptions<Value>): RefreshingValue<Value> => {
  let value: Value | undefined;
  let pending: Promise<Value> | undefined;
  let failure: { error: unknown; atMs: number } | undefined;
  /** Distinguishes the current load from one that `clear` or `set` made obsolete. */
  let generation = 0;

  const start = async (mine: number): Promise<Value> => {
    try {
      const loaded = await load();
      if (mine === generation) {
        const previous = value;
        value = loaded;
        failure = undefined;
        onLoaded?.(loaded, previous);
      }
      return loaded;
    } catch (error) {
      if (mine === generation) failure = { error, atMs: now() };
      throw error;
    } finally {
      if (mine === generation) pending = undefined;
    }
  };

  // A clock that was set back since the failure ends the pause at once.
  const failedWithin = (pauseMs: number): boolean =>
    failure !== undefined && now() >= failure.atMs && now() < failure.atMs + pauseMs;

  const renew = (pauseMs: number): Promise<Value> => {
    if (pending === undefined && failedWithin(pauseMs)) return Promise.reject(failure?.error);
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
      if (value === undefined || isExpired(value, now())) return renew(failurePauseMs);
      const current = value;
      if (isStale(current, now()) && pending === undefined && !failedWithin(renewalPauseMs)) {
        renew(renewalPauseMs).catch(onRenewalFailure);
      }
      return current;
    },
    peek: () => value,
    renew,
    clear: () => reset(undefined),
    set: reset,
  };
};
