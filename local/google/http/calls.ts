/** One request that was answered, or broken off. */
export interface RecordedCall {
  method: string;
  host: string;
  path: string;
  query: string;
  /** What was answered; 0 when the connection ended without an answer. */
  status: number;
  /** Of the bodies, as they passed. */
  requestBytes: number;
  responseBytes: number;
  startedMs: number;
  /** Ids of the fault rules that fired on it. */
  faults: readonly string[];
}

interface CallFilter {
  method?: string;
  host?: string;
  /** The whole path, or a pattern over it. */
  path?: string | RegExp;
}

/** The newest calls, oldest first; `count` also knows only these. */
export interface CallRecorder {
  add(call: RecordedCall): void;
  list(filter?: CallFilter): RecordedCall[];
  count(filter?: CallFilter): number;
  clear(): void;
}

const MAX_CALLS = 20_000;

const fits = (call: RecordedCall, { method, host, path }: CallFilter): boolean =>
  (method === undefined || call.method === method) &&
  (host === undefined || call.host === host) &&
  (path === undefined || (typeof path === 'string' ? call.path === path : path.test(call.path)));

export function recordCalls(): CallRecorder {
  let calls: RecordedCall[] = [];
  const list = (filter: CallFilter = {}): RecordedCall[] => calls.filter((call) => fits(call, filter));
  return {
    add(call) {
      calls.push(call);
      if (calls.length > 2 * MAX_CALLS) calls = calls.slice(-MAX_CALLS);
    },
    list,
    count: (filter) => list(filter).length,
    clear() {
      calls = [];
    },
  };
}
