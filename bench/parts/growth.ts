import { randomBytes } from 'node:crypto';
import { addressOf, manyAccounts } from '../accounts.ts';
import { callerToken, configuredService, courierService, forward, run } from '../programs/contenders.ts';
import { median, type Report } from '../figures.ts';
import { createAgent, runLoad } from '../load.ts';
import { measureMemory } from '../memory.ts';
import type { GoogleProcess } from '../programs/processes.ts';

const CONCURRENCIES = [1, 8, 64];
/** CPU time has a resolution of hundredths of a second, so small loads are repeated until the result is meaningful. */
const MIN_DELIVERIES = 800;

/** CPU for each delivery, and memory, as deliveries and concurrency grow. */
export const benchGrowth = async (
  google: GoogleProcess,
  { counts, passes, warmUp }: { counts: readonly number[]; passes: number; warmUp: number },
): Promise<Report> => {
  const token = await callerToken(google);
  const body = randomBytes(10 * 1024);
  const headers = () => ({ authorization: `Bearer ${token}`, 'content-type': 'text/csv' });
  let serial = 0;
  const asked = (url: string) => ({ url: () => `${url}/?name=file-${serial++}.csv`, headers, body });
  const { idle, after } = await measureMemory(courierService(google), { processes: passes, asked });
  const bare = await measureMemory(await forward(google), { processes: passes, asked });
  const service = await run(configuredService(google, manyAccounts(google)), { core: 1 });
  const agent = createAgent(Math.max(...CONCURRENCIES));
  const load = (requests: number, concurrency: number) =>
    runLoad({
      url: () => addressOf(service.url, serial++),
      headers,
      body,
      requests,
      concurrency,
      agent,
    });
  const cpuOf = async (count: number, concurrency: number): Promise<number> => {
    const times = Math.max(1, Math.ceil(MIN_DELIVERIES / count));
    const before = service.cpuSeconds();
    for (let time = 0; time < times; time++) await load(count, concurrency);
    return ((service.cpuSeconds() - before) / (times * count)) * 1000;
  };
  try {
    // Until V8 has compiled the hot code, the first deliveries cost more than any later ones.
    await load(warmUp, 8);
    const cells = counts.map(() => CONCURRENCIES.map((): number[] => []));
    for (let pass = 0; pass < passes; pass++) {
      for (const [row, count] of counts.entries()) {
        for (const [column, concurrency] of CONCURRENCIES.entries()) {
          cells[row]?.[column]?.push(await cpuOf(count, concurrency));
        }
      }
    }
    const medians = cells.map((row) => row.map(median));
    const spread = (values: readonly number[]): number => Math.max(...values) / median(values);
    return {
      title: 'Growth',
      how: `CPU milliseconds of the service process per delivery of 10 KiB, for growing numbers of deliveries and growing concurrency, once V8 has warmed up. Cells with fewer deliveries than the concurrency have no bound, since so few cannot reach it. An idle process uses ${idle.toFixed(0)} MiB, and ${after.toFixed(0)} MiB after 1,000 deliveries; “limit”, which only forwards, uses ${bare.idle.toFixed(0)} and ${bare.after.toFixed(0)} MiB.`,
      columns: ['', ...CONCURRENCIES.map((concurrency) => `${concurrency} at once`)],
      rows: medians.map((row, at) => [`${counts[at]} deliveries`, ...row]),
      bounds: [
        { what: 'idle memory', value: idle, limit: 90, unit: ' MiB', quick: 110 },
        { what: 'memory after 1,000 deliveries over idle memory', value: after / idle, limit: 1.15, quick: 1.4 },
        ...CONCURRENCIES.map((concurrency, column) => ({
          what: `${concurrency} at once: largest CPU per delivery over the median`,
          value: spread(
            medians.flatMap((row, at) => ((counts[at] ?? 0) < concurrency ? [] : [row[column] ?? Number.NaN])),
          ),
          limit: 1.15,
          quick: 1.8,
        })),
      ],
    };
  } finally {
    agent.destroy();
    await service.stop();
  }
};
