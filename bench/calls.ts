import { callerToken, courierService, run } from './contenders.ts';
import type { Report } from './figures.ts';
import { runLoad } from './load.ts';
import type { GoogleProcess } from './processes.ts';

/** Quota units of a call (https://developers.google.com/workspace/drive/api/guides/limits). */
const unitsOf = ({ method, path }: { method: string; path: string }): number => {
  if (path.includes('upload') && method === 'PUT') return 0;
  if (path.endsWith('/files/generateIds')) return 5;
  if (method === 'POST' || method === 'PATCH') return path.includes('/permissions') ? 5 : 50;
  return path.endsWith('/files') && method === 'GET' ? 100 : 5;
};

const isDrive = ({ host, path }: { host: string; path: string }): boolean =>
  host === 'www.googleapis.com' && path.includes('/drive/v3/');

interface Scenario {
  name: string;
  query(turn: number): string;
  bytes: number;
  deliveries: number;
  /** Calls a delivery, at most. */
  floor?: number;
  status?: number;
}

const MEBIBYTE = 1024 * 1024;

const SCENARIOS: readonly Scenario[] = [
  { name: 'small', query: (turn) => `name=a-${turn}.csv`, bytes: 10_240, deliveries: 200, floor: 1.02 },
  {
    name: 'small, with path (cached)',
    query: (turn) => `name=b-${turn}.csv&path=reports/2026/11`,
    bytes: 10_240,
    deliveries: 200,
    floor: 1.02,
  },
  {
    name: 'small, with Idempotency-Key',
    query: (turn) => `name=c-${turn}.csv`,
    bytes: 10_240,
    deliveries: 200,
    floor: 1.02,
  },
  {
    name: 'replace',
    query: () => 'name=same.csv&onConflict=replace',
    bytes: 10_240,
    deliveries: 100,
    floor: 2.1,
    status: 200,
  },
  { name: 'large, 64 MiB', query: (turn) => `name=d-${turn}.bin`, bytes: 64 * MEBIBYTE, deliveries: 2 },
];

/** Google calls and quota units a delivery, counted at the local Google. */
export const benchCalls = async (google: GoogleProcess): Promise<Report> => {
  const token = await callerToken(google);
  const service = await run(courierService(google));
  const rows: (string | number)[][] = [];
  const bounds: Report['bounds'][number][] = [];
  try {
    for (const { name, query, bytes, deliveries, floor, status = 201 } of SCENARIOS) {
      const load = (count: number, from: number, wanted: number) =>
        runLoad({
          url: (turn) => `${service.url}/?${query(turn + from)}`,
          headers: (turn) => ({
            authorization: `Bearer ${token}`,
            'content-type': 'application/octet-stream',
            ...(name.includes('Key') ? { 'idempotency-key': `calls-${turn + from}` } : {}),
          }),
          body: Buffer.alloc(bytes, name),
          requests: count,
          concurrency: 1,
          status: wanted,
        });
      // The first one makes folders and finds names; what is counted is the life after it.
      await load(1, 100_000, 201);
      await google.clearCalls();
      await load(deliveries, 0, status);
      const calls = (await google.calls()).filter(isDrive);
      const perDelivery = calls.length / deliveries;
      const units = calls.reduce((sum, each) => sum + unitsOf(each), 0) / deliveries;
      rows.push([name, deliveries, perDelivery, units]);
      if (floor !== undefined) bounds.push({ what: `${name}: Drive calls a delivery`, value: perDelivery, floor });
    }
  } finally {
    await service.stop();
  }
  return {
    title: 'Google calls',
    how: 'Calls to Drive and their quota units (a user has 325,000 a minute), counted at the local Google. Ids come from a pool that one call fills with 1,000.',
    columns: ['', 'deliveries', 'Drive calls a delivery', 'quota units a delivery'],
    rows,
    bounds,
  };
};
