/**
 * Waits for work that other callers wait for too. A caller whose signal aborts stops waiting, and the work continues for the others.
 * @throws the signal's reason
 */
export const joinWork = async <Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> => {
  if (signal === undefined) return work;
  // The work continues although this caller leaves. If it fails then, an unhandled rejection would end the process.
  work.catch(() => undefined);
  signal.throwIfAborted();
  let leave: (() => void) | undefined;
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, left]);
  } finally {
    if (leave !== undefined) signal.removeEventListener('abort', leave);
  }
};

/** Single flight: one call at a time for each key. Callers that come while it runs get its result. */
export const createSingleFlight = <Result>() => {
  const flights = new Map<string, Promise<Result>>();
  return (key: string, work: () => Promise<Result>): Promise<Result> => {
    const flying = flights.get(key);
    if (flying !== undefined) return flying;
    const flight = work().finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  };
};
