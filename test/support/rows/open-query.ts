import type { LocalGoogle } from '../../../local/google/server.ts';
import { CLOUD_PLATFORM } from '../../../local/google/world/names.ts';
import type { Source } from '../../../src/domain.ts';
import { openQuery } from '../../../src/exports/bigquery/open-query.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import { createKeptLog } from '../kept-log.ts';

/** Who may run the queries. */
export const QUERY_CALLER = { sub: '1', email: 'exporter@example.com' };

type OpenQuery = typeof openQuery;

interface Opening {
  key?: string;
  sub?: string;
  /** How long a job is waited for. */
  waitMs?: number;
  log?: ReturnType<typeof createKeptLog>;
}

/** Opens the result of a query at the local BigQuery, as a delivery does. */
export const openLocalQuery = (
  google: LocalGoogle,
  queries: Parameters<OpenQuery>[0]['queries'],
  asked: Parameters<OpenQuery>[1],
  { key = 'k1', sub = QUERY_CALLER.sub, waitMs = 60_000, log = createKeptLog() }: Opening = {},
): ReturnType<OpenQuery> =>
  openQuery(
    {
      queries,
      allow: () => ({ name: 'reports' }) as ReturnType<Parameters<OpenQuery>[0]['allow']>,
      mayRun: ({ email }, name) => email === QUERY_CALLER.email && Object.hasOwn(queries, name),
      transport: createTransport({ googleOrigin: google.origin, log, sleep: async () => undefined }),
      token: async () => google.world.accessToken(google.world.emails.runtime, [CLOUD_PLATFORM]),
      project: async () => 'local-project',
      now: Date.now,
      log,
    },
    asked,
    {
      caller: { ...QUERY_CALLER, sub },
      requestId: 'r',
      idempotencyKey: key,
      signal: new AbortController().signal,
      deadlineMs: Date.now() + waitMs + 15_000,
    },
  );

export const textOfSource = async (source: Source): Promise<string> => {
  const pieces: Uint8Array[] = [];
  for await (const piece of source.open()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
};

export const jobsStarted = (google: LocalGoogle): number =>
  google.calls.list({ method: 'POST', path: /\/jobs$/ }).filter(({ status }) => status === 200).length;
