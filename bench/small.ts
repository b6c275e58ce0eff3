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
import { type Load, type LoadResult, runLoad } from './load.ts';
import type { GoogleProcess } from './processes.ts';
import { rcloneContender } from './rclone.ts';

const BYTES = 10 * 1024;
const CONCURRENCY = 32;
/** The server has a core of its own; the local Google and the load share the other. */
const SERVER_CORE = 1;

type Asked = Pick<Load, 'url' | 'headers' | 'body' | 'status'>;

interface Entrant {
  name: string;
  start(): Promise<Running>;
  asked(url: string): Asked;
}

interface Sample {
  cpuMs: number;
  aSecond: number;
  /** Of one request at a time: latency that the server adds shows where nothing waits for a core. */
  quietMs: readonly number[];
}

interface Shape {
  rounds: number;
  /** Few enough that no contender's own pace, Drive's quota of a user, makes it wait. */
  requests: number;
}

const entrantsOf = async (google: GoogleProcess, body: Uint8Array): Promise<Entrant[]> => {
  const token = await callerToken(google);
  let serial = 0;
  const raw = (contender: Contender): Entrant => ({
    name: contender.name,
    start: () => run(contender, { core: SERVER_CORE }),
    asked: (url) => ({
      url: () => `${url}/?name=${`small-${serial++}.csv`}`,
      headers: () => ({ authorization: `Bearer ${token}`, 'content-type': 'text/csv' }),
      body,
    }),
  });
  const rclone = await rcloneContender(google);
  return [
    raw(await forward(google)),
    raw(courierService(google)),
    raw(courierFunction(google)),
    raw(samples(google)),
    ...(rclone === undefined
      ? []
      : [
          {
            name: rclone.name,
            start: () => rclone.run({ core: SERVER_CORE }),
            asked: (url: string) => rclone.load(url, body),
          },
        ]),
  ];
};

/** Small files through each contender in turn: CPU of the server's process a file, and latency. */
export const benchSmall = async (google: GoogleProcess, { rounds, requests }: Shape): Promise<Report> => {
  const entrants = await entrantsOf(google, randomBytes(BYTES));
  const load = (asked: Asked, concurrency: number, count: number): Promise<LoadResult> =>
    runLoad({ ...asked, requests: count, concurrency });
  const measure = async (running: Running, asked: Asked): Promise<Sample> => {
    const before = running.cpuSeconds();
    const busy = await load(asked, CONCURRENCY, requests);
    const cpuMs = ((running.cpuSeconds() - before) / requests) * 1000;
    const quiet = await load(asked, 1, Math.ceil(requests / 4));
    return { cpuMs, aSecond: requests / busy.seconds, quietMs: quiet.latenciesMs };
  };

  const all = new Map<string, { running: Running; asked: Asked; samples: Sample[] }>();
  try {
    for (const { name, start, asked } of entrants) {
      const running = await start();
      all.set(name, { running, asked: asked(running.url), samples: [] });
      await load(asked(running.url), CONCURRENCY, requests);
    }
    for (let round = 0; round < rounds; round++) {
      for (const { running, asked, samples } of all.values()) samples.push(await measure(running, asked));
    }
  } finally {
    await Promise.all([...all.values()].map(({ running }) => running.stop()));
  }

  const figure = (name: string, of: (sample: Sample) => number): number => median(all.get(name)?.samples.map(of) ?? []);
  const cpu = (name: string): number => figure(name, ({ cpuMs }) => cpuMs);
  const quiet = (name: string, share: number): number => figure(name, ({ quietMs }) => quantile(quietMs, share));
  const over = (name: string, share: number): number => quiet(name, share) - quiet('limit', share);
  const server = 'courier, service';
  return {
    title: 'Small files',
    how: `Files of 10 KiB, ${CONCURRENCY} at once, ${rounds} × ${requests} in turn, the server pinned to one core: CPU time of its process a file. The last two columns are the latency of one file at a time. “limit” is a bare node:http handler that forwards the body with a ready token; the function and the samples pay for functions-framework besides, which reads and parses every body; rclone checks nobody, and its TLS is not in its way to us but in its way to Google.`,
    columns: ['', 'CPU ms a file', 'files a second', 'p50 ms', 'p99 ms'],
    rows: entrants.map(({ name }) => [
      name,
      cpu(name),
      figure(name, ({ aSecond }) => aSecond),
      quiet(name, 0.5),
      quiet(name, 0.99),
    ]),
    bounds: [
      { what: `${server}: CPU times samples`, value: cpu(server) / cpu('samples'), floor: 0.5, quick: 0.9 },
      { what: `${server}: CPU times limit`, value: cpu(server) / cpu('limit'), floor: 3, quick: 5.5 },
      { what: `${server}: p50 over limit`, value: over(server, 0.5), floor: 3, unit: ' ms', quick: 12 },
      { what: `${server}: p99 over limit`, value: over(server, 0.99), floor: 15, unit: ' ms', quick: 80 },
    ],
  };
};
