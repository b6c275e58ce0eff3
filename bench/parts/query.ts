import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CALLER, callerToken, configuredService, run } from '../programs/contenders.ts';
import type { Report } from '../figures.ts';
import { firstLine, type GoogleProcess, launch, pathOf } from '../programs/processes.ts';

const MEBIBYTE = 1024 * 1024;

interface Shape {
  /** Rows of the two results whose memory use is compared; a row has about 370 bytes as CSV. */
  rows: { less: number; more: number };
  /** Rows of the result that Google's client and the courier both write. */
  compared: number;
}

interface Measurement {
  mebibytes: number;
  seconds: number;
  cpuSeconds: number;
  peak: number;
}

const RUNTIME = 'runtime@local-project.iam.gserviceaccount.com';
const CLIENT = 'courier@local-project.iam.gserviceaccount.com';

/** Values of several types, as in a table of orders. */
const sqlOf = (rows: string): string =>
  `SELECT x AS id, CAST(x AS NUMERIC) AS amount, CAST(x AS FLOAT64) AS rate, CAST(x AS STRING) AS customer, REPEAT('drive courier ', 22) AS note FROM UNNEST(GENERATE_ARRAY(1, ${rows})) AS x`;

/** The result of a query as a file in Drive, and as a file that Google's client for Node writes. */
export const benchQuery = async (google: GoogleProcess, { rows, compared }: Shape): Promise<Report> => {
  for (const email of [RUNTIME, CLIENT])
    await google.admin('grantOnProject', { member: `serviceAccount:${email}`, role: 'roles/bigquery.jobUser' });
  const headers = { authorization: `Bearer ${await callerToken(google)}`, 'content-type': 'application/json' };
  const query = { sql: sqlOf('@rows'), parameters: { rows: 'INT64' }, callers: [CALLER], destinations: ['reports'] };

  const deliver = async (count: number): Promise<Measurement> => {
    const service = await run(configuredService(google, { queries: { orders: query } }));
    try {
      const source = { bigquery: { query: 'orders', parameters: { rows: count } } };
      const [startMs, startCpu] = [performance.now(), service.cpuSeconds()];
      const response = await fetch(`${service.url}/v1/exports`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ name: `orders-${count}.csv`, source }),
      });
      const receipt = (await response.json()) as { id: string; size: number };
      if (response.status !== 201) throw new Error(`${response.status}: ${JSON.stringify(receipt)}`);
      const measured = {
        mebibytes: receipt.size / MEBIBYTE,
        seconds: (performance.now() - startMs) / 1000,
        cpuSeconds: service.cpuSeconds() - startCpu,
        peak: service.peakBytes() / MEBIBYTE,
      };
      await google.admin('removeFile', { fileId: receipt.id });
      return measured;
    } finally {
      await service.stop();
    }
  };

  const writeByClient = async (count: number): Promise<Measurement> => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-query-'));
    const file = join(folder, 'orders.csv');
    const { origin, keyFiles } = google;
    const startMs = performance.now();
    const client = launch([pathOf('bench/baselines/bigquery-client.mjs')], {
      env: {
        LOCAL_GOOGLE_ORIGIN: origin,
        KEY: readFileSync(keyFiles.courier ?? '', 'utf8'),
        SQL: sqlOf(String(count)),
        FILE: file,
      },
    });
    try {
      await firstLine(client, (line) => (line.startsWith('{') ? true : undefined));
      return {
        mebibytes: statSync(file).size / MEBIBYTE,
        seconds: (performance.now() - startMs) / 1000,
        cpuSeconds: client.cpuSeconds(),
        peak: client.peakBytes() / MEBIBYTE,
      };
    } finally {
      await client.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  };

  const less = await deliver(rows.less);
  const more = await deliver(rows.more);
  const ours = compared === rows.more ? more : compared === rows.less ? less : await deliver(compared);
  const theirs = await writeByClient(compared);
  const perMebibyte = ({ cpuSeconds, mebibytes }: Measurement): number => (1000 * cpuSeconds) / mebibytes;
  const size = ({ mebibytes }: Measurement): string => `${Math.round(mebibytes)} MiB`;
  return {
    title: 'Results of queries',
    how: `Results of the local BigQuery as CSV: by the courier into Drive, in a new process each, and by Google's client for Node (\`getQueryResultsStream\`) into a file.`,
    columns: ['', 'figure'],
    rows: [
      [`courier, peak memory, ${size(less)}, MiB`, less.peak],
      [`courier, peak memory, ${size(more)}, MiB`, more.peak],
      [`Google's client, peak memory, ${size(theirs)}, MiB`, theirs.peak],
      [`courier, milliseconds of CPU for each MiB, ${size(ours)}`, perMebibyte(ours)],
      [`Google's client, milliseconds of CPU for each MiB, ${size(theirs)}`, perMebibyte(theirs)],
      [`courier, ${size(more)}, MiB a second`, more.mebibytes / more.seconds],
    ],
    bounds: [
      {
        what: `peak memory of ${size(more)} over ${size(less)}`,
        value: more.peak / less.peak,
        limit: 1.25,
        quick: 1.4,
      },
      { what: `peak memory of ${size(more)}`, value: more.peak, limit: 240, unit: ' MiB', quick: 240 },
      {
        what: "CPU for each MiB over Google's client",
        value: perMebibyte(ours) / perMebibyte(theirs),
        limit: 0.8,
        quick: 1,
      },
    ],
  };
};
