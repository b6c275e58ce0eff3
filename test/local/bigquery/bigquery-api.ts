import { expect } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { CLOUD_PLATFORM } from '../../../local/google/world/names.ts';

interface Cell {
  v: unknown;
}

/** The members of answers that the tests look at. Each answer has some of them. */
interface Body {
  error: { code: number; message: string; errors: { reason: string }[] };
  schema: { fields: { name: string; type: string }[] };
  rows: { f: Cell[] }[];
  pageToken?: string;
  jobReference: { location: string };
  configuration: { query: { destinationTable: { datasetId: string; tableId: string } } };
  statistics: {
    totalBytesProcessed: string;
    query: { totalBytesBilled: string; schema: { fields: object[] } };
    extract: { destinationUriFileCounts: string[] };
  };
  status: { state: string; errorResult?: { reason: string } };
}

interface Answer {
  status: number;
  body: Body;
}

/** The local BigQuery over HTTP, as an account. */
export interface BigQueryApi {
  google: LocalGoogle;
  /** @param path below `/bigquery/v2/projects/local-project` */
  call(method: string, path: string, body?: unknown, email?: string): Promise<Answer>;
  /** Runs a query with `jobs.query`. */
  query(sql: string, options?: object, email?: string): Promise<Answer>;
  /** The values of the first row. */
  firstRow(sql: string, options?: object): Promise<unknown[]>;
  /** Checks the answers against the discovery document. */
  close(): Promise<void>;
}

export const startBigQuery = async (): Promise<BigQueryApi> => {
  const google = await startLocalGoogle();
  const { ops } = google.world.emails;
  const call: BigQueryApi['call'] = async (method, path, body, email = ops) => {
    const url = `${google.origin}/bigquery.googleapis.com/bigquery/v2/projects/local-project${path}`;
    const response = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${google.world.accessToken(email, [CLOUD_PLATFORM])}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text || '{}') as Body };
  };
  const query: BigQueryApi['query'] = (sql, options = {}, email = ops) =>
    call('POST', '/queries', { query: sql, useLegacySql: false, ...options }, email);
  return {
    google,
    call,
    query,
    async firstRow(sql, options) {
      const { status, body } = await query(sql, options);
      expect({ status, error: (body.error as Body['error'] | undefined)?.message }).toEqual({
        status: 200,
        error: undefined,
      });
      return (body.rows[0]?.f ?? []).map(({ v }) => v);
    },
    async close() {
      const { schemaViolations } = google.bigquery;
      await google.close();
      expect(schemaViolations).toEqual([]);
    },
  };
};
