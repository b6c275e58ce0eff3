import { randomBytes } from 'node:crypto';
import {
  type Contender,
  callerToken,
  courierFunction,
  courierService,
  forward,
  type Running,
  run,
  samples,
} from './contenders.ts';
import { median, quantile, type Report } from './figures.ts';
import { type LoadResult, runLoad } from './load.ts';
import type { GoogleProcess } from './processes.ts';

const BYTES = 10 * 1024;
const CONCURRENCY = 32;
/** The server has a core of its own; the local Google and the load share the other. */
const SERVER_CORE = 1;

interface Sample {
  cpuMs: number;
  latenciesMs: readonly number[];
  aSecond: number;
}

interface Shape {
  rounds: number;
  requests: number;
}

/** Small files through each contender in turn: CPU of the server's process a file, and latency. */
export const benchSmall = async (google: GoogleProcess, { rounds, requests }: Shape): Promise<Report> => {
  const token = await callerToken(google);
  const body = randomBytes(BYTES);
  let serial = 0;
  const load = (url: string, concurrency: number, count: number): Promise<LoadResult> =>
    runLoad({
      url: () => `${url}/?name=${`small-${serial++}.csv`}`,
      headers: () => ({ authorization: `Bearer ${token}`, 'content-type': 'text/csv' }),
      body,
      requests: count,
      concurrency,
    });
  const measure = async (running: Running): Promise<Sample & { quietMs: readonly number[] }> => {
    const before = running.cpuSeconds();
    const busy = await load(running.url, CONCURRENCY, requests);
    const cpuMs = ((running.cpuSeconds() - before) / requests) * 1000;
    // Latency that the server adds shows where nothing waits for a core.
    const quiet = await load(running.url, 1, Math.ceil(requests / 4));
    return { cpuMs, latenciesMs: busy.latenciesMs, aSecond: requests / busy.seconds, quietMs: quiet.latenciesMs };
  };

  const contenders: Contender[] = [
    await forward(google),
    courierService(google),
    courierFunction(google),
    samples(google),
  ];
  const running = new Map<string, Running>();
  const samplesOf = new Map<string, Awaited<ReturnType<typeof measure>>[]>();
  try {
    for (const contender of contenders) {
      const started = await run(contender, { core: SERVER_CORE, env: { LOG_LEVEL: 'info' } });
      running.set(contender.name, started);
      samplesOf.set(contender.name, []);
      await load(started.url, CONCURRENCY, requests);
    }
    for (let round = 0; round < rounds; round++) {
      for (const [name, started] of running) samplesOf.get(name)?.push(await measure(started));
    }
  } finally {
    await Promise.all([...running.values()].map(({ stop }) => stop()));
  }

  const figure = (name: string, of: (sample: Awaited<ReturnType<typeof measure>>) => number): number =>
    median((samplesOf.get(name) ?? []).map(of));
  const cpu = (name: string): number => figure(name, ({ cpuMs }) => cpuMs);
  const quiet = (name: string, share: number): number => figure(name, ({ quietMs }) => quantile(quietMs, share));
  return {
    title: 'Small files',
    how: `Files of 10 KiB, ${CONCURRENCY} at once, ${rounds} × ${requests} in turn, the server pinned to one core: CPU time of its process a file. The last two columns are the latency of one file at a time.`,
    columns: ['', 'CPU ms a file', 'files a second', 'p50 ms', 'p99 ms'],
    rows: contenders.map(({ name }) => [
      name,
      cpu(name),
      figure(name, ({ aSecond }) => aSecond),
      quiet(name, 0.5),
      quiet(name, 0.99),
    ]),
    bounds: ['courier, service', 'courier, function'].flatMap((name) => [
      { what: `${name}: CPU times samples`, value: cpu(name) / cpu('samples'), floor: 0.5 },
      { what: `${name}: CPU times limit`, value: cpu(name) / cpu('limit'), floor: 3 },
      { what: `${name}: p50 over limit`, value: quiet(name, 0.5) - quiet('limit', 0.5), floor: 3, unit: ' ms' },
      { what: `${name}: p99 over limit`, value: quiet(name, 0.99) - quiet('limit', 0.99), floor: 15, unit: ' ms' },
    ]),
  };
};
