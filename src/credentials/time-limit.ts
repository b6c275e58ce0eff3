/**
 * A fetch whose every call has a time limit that ends with the call. `AbortSignal.timeout` cannot be ended: its timer, and
 * what hangs on it, would go on until it fires, or until somebody collects the garbage.
 * @param fetch hands on answers whose bodies are read, as the transport's does
 */
export const limitTime =
  (fetch: typeof globalThis.fetch, limitMs: number): typeof globalThis.fetch =>
  async (input, init) => {
    const controller = new AbortController();
    const onTimeUp = (): void => controller.abort(new DOMException(`no answer within ${limitMs} ms`, 'TimeoutError'));
    const timer = setTimeout(onTimeUp, limitMs);
    const signals = [controller.signal, init?.signal].filter((signal) => signal != null);
    try {
      return await fetch(input, { ...init, signal: AbortSignal.any(signals) });
    } finally {
      clearTimeout(timer);
    }
  };
