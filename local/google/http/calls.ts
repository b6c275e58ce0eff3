/** A request that was answered or whose connection broke. */
export interface RecordedCall {
  method: string;
  host: string;
  path: string;
  query: string;
  /** The HTTP status, or 0 when the connection ended without an answer. */
  status: number;
  /** The sizes of the bodies as transferred. */
  requestBytes: number;
  responseBytes: number;
  startedMs: number;
  /** The IDs of the fault rules that were applied. */
  faults: readonly string[];
}

interface CallFilter {
  method?: string;
  host?: string;
  /** The whole path, or a pattern for it. */
  path?: string | RegExp;
}

/** Keeps the newest calls, oldest first. `count` counts only these. */
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
