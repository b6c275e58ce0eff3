import { randomBytes } from 'node:crypto';
import { addressOf, manyAccounts } from '../accounts.ts';
import {
  type Contender,
  callerToken,
  configured,
  courierFunction,
  courierService,
  forward,
  type Running,
  run,
  samples,
} from '../programs/contenders.ts';
import { median, quantile, type Report } from '../figures.ts';
import { type Load, type LoadResult, runLoad } from '../load.ts';
import { type GoogleProcess, onCore } from '../programs/processes.ts';
import { rcloneContender } from '../programs/rclone.ts';

const BYTES = 10 * 1024;
const CONCURRENCY = 32;
/** The server has its own core. The local Google and the load share the other one. */
const SERVER_CORE = 1;
const OTHER_CORE = 0;

/** One in this many additional requests at the beginning of a turn does not count. */
const LEAD_IN = 4;

/** It waits for Drive far longer than it works. */
const RCLONE_REQUESTS = 100;

type Asked = Pick<Load, 'url' | 'headers' | 'body' | 'status'>;

interface Entrant {
  name: string;
  /** The maximum of requests in a turn, for a slow contender. */
  most?: number;
  start(): Promise<Running>;
  asked(url: string): Asked;
}

interface Sample {
  cpuMs: number;
  aSecond: number;
  /** One request at a time: the latency that the server adds is visible if nothing waits for a core. */
  quietMs: readonly number[];
}

interface Competing {
  running: Running;
  asked: Asked;
  most: number;
  samples: Sample[];
}

interface Shape {
  rounds: number;
  requests: number;
  /** The warm-up until V8 has compiled the hot code, which takes longer the more code there is. */
  warmUp: number;
}

const entrantsOf = async (google: GoogleProcess, body: Uint8Array): Promise<Entrant[]> => {
  const token = await callerToken(google);
  let serial = 0;
  const raw = (contender: Contender): Entrant => ({
    name: contender.name,
    start: () => run(contender, { core: SERVER_CORE }),
    asked: (url) => ({
      url: () => addressOf(url, serial++),
      headers: () => ({ authorization: `Bearer ${token}`, 'content-type': 'text/csv' }),
      body,
    }),
  });
  const rclone = await rcloneContender(google);
  return [
    raw(await forward(google)),
    raw(configured(courierService(google), google, manyAccounts(google))),
    raw(configured(courierFunction(google), google, manyAccounts(google))),
    raw(samples(google)),
    ...(rclone === undefined
      ? []
      : [
          {
            name: rclone.name,
            most: RCLONE_REQUESTS,
            start: () => rclone.run({ core: SERVER_CORE }),
            asked: (url: string) => rclone.load(url, body),
          },
        ]),
  ];
};

type Measurements = ReadonlyMap<string, Competing>;

/** Every contender in turn, several times. */
const measureAll = async (entrants: readonly Entrant[], { rounds, requests, warmUp }: Shape): Promise<Measurements> => {
  const load = (asked: Asked, concurrency: number, count: number): Promise<LoadResult> =>
    runLoad({ ...asked, requests: count, concurrency });
  const measure = async ({ running, asked, most }: Competing): Promise<Sample> => {
    const count = Math.min(requests, most);
    // During the other contenders' turns, V8 released memory that it now allocates again.
    await load(asked, CONCURRENCY, Math.ceil(count / LEAD_IN));
    const before = running.cpuSeconds();
    const busy = await load(asked, CONCURRENCY, count);
    const cpuMs = ((running.cpuSeconds() - before) / count) * 1000;
    const quiet = await load(asked, 1, Math.ceil(count / 4));
    return { cpuMs, aSecond: count / busy.seconds, quietMs: quiet.latenciesMs };
  };

  const all = new Map<string, Competing>();
  try {
    for (const { name, start, asked, most = Number.POSITIVE_INFINITY } of entrants) {
      const running = await start();
      const competing = { running, asked: asked(running.url), most, samples: [] };
      all.set(name, competing);
      await load(competing.asked, CONCURRENCY, Math.min(warmUp, most));
    }
    for (let round = 0; round < rounds; round++) {
      for (const competing of all.values()) competing.samples.push(await measure(competing));
    }
  } finally {
    await Promise.all([...all.values()].map(({ running }) => running.stop()));
  }
  return all;
};

/** Small files through each contender in turn: CPU of the server process for each file, and latency. */
export const benchSmall = async (google: GoogleProcess, shape: Shape): Promise<Report> => {
  const { rounds, requests, warmUp } = shape;
  const entrants = await entrantsOf(google, randomBytes(BYTES));
  const all = await onCore([process.pid, google.process.pid], OTHER_CORE, () => measureAll(entrants, shape));

  const samplesOf = (name: string): readonly Sample[] => all.get(name)?.samples ?? [];
  const figure = (name: string, of: (sample: Sample) => number): number => median(samplesOf(name).map(of));
  const cpu = (name: string): number => figure(name, ({ cpuMs }) => cpuMs);
  /** Of each round, because a busy neighbour on the machine slows down both programs of a round, but not all rounds alike. */
  const cpuRatio = (name: string, other: string): number =>
    median(samplesOf(name).map(({ cpuMs }, round) => cpuMs / (samplesOf(other)[round]?.cpuMs ?? Number.NaN)));
  const quiet = (name: string, share: number): number => figure(name, ({ quietMs }) => quantile(quietMs, share));
  const over = (name: string, share: number): number => quiet(name, share) - quiet('limit', share);
  const server = 'courier, service';
  return {
    title: 'Small files',
    how: `Files of 10 KiB, ${CONCURRENCY} at a time, in ${rounds} alternating rounds of ${requests.toLocaleString('en')}, with the server pinned to one core, and the local Google and the load to another. ${warmUp.toLocaleString('en')} requests before the first round, and some at the start of each round, are not counted (fewer for rclone). CPU is the CPU time of the server process per file: the median of the rounds, and for the ratios the median of each round’s ratio. The last two columns are the latency of one file at a time. “limit” is a bare node:http handler that forwards the body with a token that it already has. The function and the samples also run functions-framework, which reads and parses the bodies of the samples. rclone authenticates no callers, and uses TLS towards Google but not towards the benchmark.`,
    columns: ['', 'CPU ms per file', 'files per second', 'p50 ms', 'p99 ms'],
    rows: entrants.map(({ name }) => [
      name,
      cpu(name),
      figure(name, ({ aSecond }) => aSecond),
      quiet(name, 0.5),
      quiet(name, 0.99),
    ]),
    bounds: [
      { what: `${server}: CPU times samples`, value: cpuRatio(server, 'samples'), limit: 0.5, quick: 0.9 },
      { what: `${server}: CPU times limit`, value: cpuRatio(server, 'limit'), limit: 3, quick: 5.5 },
      {
        what: `courier, function: CPU times ${server}`,
        value: cpuRatio('courier, function', server),
        limit: 1.5,
        quick: 2.5,
      },
      { what: `${server}: p50 over limit`, value: over(server, 0.5), limit: 3, unit: ' ms', quick: 12 },
      { what: `${server}: p99 over limit`, value: over(server, 0.99), limit: 15, unit: ' ms', quick: 80 },
    ],
  };
};
