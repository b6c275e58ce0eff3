import { randomBytes } from 'node:crypto';
import { callerToken, courierService, run } from './contenders.ts';
import { median, type Report } from './figures.ts';
import { runLoad } from './load.ts';
import type { GoogleProcess } from './processes.ts';

const MEBIBYTE = 1024 * 1024;
const CONCURRENCIES = [1, 8, 64];
/** CPU is told in hundredths of a second, so the small counts are done over and over until that means something. */
const LEAST_DELIVERIES = 400;

/** CPU a delivery and memory as deliveries and concurrency grow. */
export const benchGrowth = async (
  google: GoogleProcess,
  { counts }: { counts: readonly number[] },
): Promise<Report> => {
  const token = await callerToken(google);
  const service = await run(courierService(google), { core: 1 });
  const body = randomBytes(10 * 1024);
  let serial = 0;
  const load = (requests: number, concurrency: number) =>
    runLoad({
      url: () => `${service.url}/?name=g-${serial++}.csv`,
      headers: () => ({ authorization: `Bearer ${token}`, 'content-type': 'text/csv' }),
      body,
      requests,
      concurrency,
    });
  const cpuOf = async (count: number, concurrency: number): Promise<number> => {
    const times = Math.max(1, Math.ceil(LEAST_DELIVERIES / count));
    const before = service.cpuSeconds();
    for (let time = 0; time < times; time++) await load(count, concurrency);
    return ((service.cpuSeconds() - before) / (times * count)) * 1000;
  };
  try {
    const idle = service.residentBytes() / MEBIBYTE;
    await load(1_000, 8);
    const after = service.residentBytes() / MEBIBYTE;
    const rows: (string | number)[][] = [];
    const all = new Map<number, number[]>(CONCURRENCIES.map((concurrency) => [concurrency, []]));
    for (const count of counts) {
      const cells: number[] = [];
      for (const concurrency of CONCURRENCIES) {
        const cpuMs = await cpuOf(count, concurrency);
        cells.push(cpuMs);
        all.get(concurrency)?.push(cpuMs);
      }
      rows.push([`${count} deliveries`, ...cells]);
    }
    const spread = (values: readonly number[]): number => Math.max(...values) / median(values);
    return {
      title: 'Growth',
      how: `CPU milliseconds of the service's process a delivery of 10 KiB, as their number and concurrency grow. Idle it holds ${idle.toFixed(0)} MiB, and ${after.toFixed(0)} MiB after 1,000 deliveries.`,
      columns: ['', ...CONCURRENCIES.map((concurrency) => `${concurrency} at once`)],
      rows,
      bounds: [
        { what: 'idle memory', value: idle, floor: 90, unit: ' MiB', noisy: true },
        { what: 'memory after 1,000 deliveries, over idle', value: after / idle, floor: 1.15, noisy: true },
        ...[...all].map(([concurrency, values]) => ({
          what: `${concurrency} at once: largest CPU a delivery over the median`,
          value: spread(values),
          floor: 1.15,
          noisy: true,
        })),
      ],
    };
  } finally {
    await service.stop();
  }
};
