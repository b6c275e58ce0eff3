import { request as call } from 'node:http';
import { freePort } from '../../local/free-port.ts';
import {
  type Contender,
  callerToken,
  courierAsDeployed,
  courierFunction,
  courierService,
  helloWorld,
  samples,
} from '../programs/contenders.ts';
import { type Bound, median, quantile, type Report } from '../figures.ts';
import { type GoogleProcess, launch } from '../programs/processes.ts';

/** The pause between two attempts to connect to a starting process, in milliseconds. */
const POLL_MS = 2;

interface Wanted {
  method: 'GET' | 'POST';
  path: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  status: number;
}

const attempt = (port: number, { method, path, headers, body }: Wanted): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = call({ host: '127.0.0.1', port, method, path, headers, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    request.end(body);
  });

interface Started {
  /** The time from the process's start to its first successful response. */
  milliseconds: number;
  /** The CPU time it has used by then. */
  cpuMs: number;
}

const timeStart = async ({ name, program, command, node, env }: Contender, wanted: Wanted): Promise<Started> => {
  const port = await freePort();
  const startMs = performance.now();
  const started = launch(program, {
    ...(command === undefined ? {} : { command }),
    node,
    env: { ...env, PORT: String(port) },
  });
  started.child.stdout?.resume();
  try {
    for (;;) {
      const status = await attempt(port, wanted).catch(() => undefined);
      if (status === wanted.status) {
        return { milliseconds: performance.now() - startMs, cpuMs: started.cpuSeconds() * 1000 };
      }
      if (status !== undefined || started.child.exitCode !== null) throw new Error(`${name} answered ${status}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    await started.stop();
  }
};

/** From start to the first delivered file: token verified, secret fetched, access token minted, file created. */
export const benchStart = async (google: GoogleProcess, { rounds }: { rounds: number }): Promise<Report> => {
  const token = await callerToken(google);
  const hello: Wanted = { method: 'GET', path: '/', headers: {}, body: '', status: 200 };
  const file: Wanted = {
    method: 'POST',
    path: '/?name=first.csv',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv' },
    body: 'day,orders\r\n2026-11-24,7\r\n',
    status: 201,
  };
  const contenders: [Contender, Wanted][] = [
    [helloWorld(), hello],
    [courierService(google), file],
    [courierAsDeployed(google), file],
    [courierFunction(google), file],
    [samples(google), file],
  ];
  const starts = new Map<string, Started[]>(contenders.map(([{ name }]) => [name, []]));
  // The first round does not count, since it warms the disk cache. Then they take turns, so that a slow minute affects
  // all of them.
  for (let round = 0; round <= rounds; round++) {
    for (const [contender, wanted] of contenders) {
      const started = await timeStart(contender, wanted);
      if (round > 0) starts.get(contender.name)?.push(started);
    }
  }
  const times = (name: string): number[] => (starts.get(name) ?? []).map(({ milliseconds }) => milliseconds);
  const of = (name: string): number => median(times(name));
  const cpuOf = (name: string): number => median((starts.get(name) ?? []).map(({ cpuMs }) => cpuMs));
  const limit = of('hello world');
  const ratios = (name: string, quickCpu: number): Bound[] => [
    { what: `${name}: times hello world`, value: of(name) / limit, limit: 2, aim: 1.5, quick: 'unjudged' },
    {
      what: `${name}: CPU times hello world`,
      value: cpuOf(name) / cpuOf('hello world'),
      limit: 2,
      aim: 1.5,
      quick: quickCpu,
    },
    { what: `samples: times ${name}`, value: of('samples') / of(name), limit: 3, atLeast: true, quick: 1.5 },
  ];
  return {
    title: 'Cold start',
    how: `Milliseconds from the start of the process to its first successful response, over ${rounds} alternating rounds. “hello world” is the example of functions-framework as npm installs it, and delivers nothing. The others respond when the file is in Drive. “as deployed” starts dist/ as Cloud Run does, through a shell that is replaced by Node. The function is started by the framework that is part of dist/. CPU is the time that the process itself used until then.`,
    columns: ['', 'median ms', 'low', 'high', 'times hello world', 'CPU ms', 'times hello world'],
    rows: [...starts.keys()].map((name) => [
      name,
      of(name),
      quantile(times(name), 0),
      quantile(times(name), 1),
      of(name) / limit,
      cpuOf(name),
      cpuOf(name) / cpuOf('hello world'),
    ]),
    bounds: [
      ...ratios('courier, service', 2.7),
      ...ratios('courier, service as deployed', 2.8),
      ...ratios('courier, function', 2.9),
    ],
  };
};
