import { SUBSCRIPTION } from '../../local/google/world/names.ts';
import { startFirestoreEmulator } from '../../test/support/firestore-emulator.ts';
import { CALLER, callerToken, configuredService, type Running, run } from '../programs/contenders.ts';
import type { Report } from '../figures.ts';
import { runLoad, sendBytes } from '../load.ts';
import type { GoogleProcess } from '../programs/processes.ts';

type Call = Awaited<ReturnType<GoogleProcess['calls']>>[number];

/** Quota units of a call (https://developers.google.com/workspace/drive/api/guides/limits). */
const unitsOf = ({ method, path }: Call): number => {
  if (path.includes('upload') && method === 'PUT') return 0;
  if (path.endsWith('/files/generateIds')) return 5;
  if (method === 'POST' || method === 'PATCH') return path.includes('/permissions') ? 5 : 50;
  return path.endsWith('/files') && method === 'GET' ? 100 : 5;
};

const isDrive = ({ host, path }: Call): boolean => host === 'www.googleapis.com' && path.includes('/drive/v3/');

const MEBIBYTE = 1024 * 1024;
/**
 * For a service with this buffer: half of what one upload may hold (src/drive/upload/replay-buffer.ts), and never more
 * than 16 MiB.
 */
const CHUNK_BYTES = 16 * MEBIBYTE;
const BUFFER_BYTES = 128 * MEBIBYTE;

interface Scenario {
  name: string;
  deliveries: number;
  /** Makes a delivery. `turn` is unique. */
  deliver(service: Running, turn: number): Promise<unknown>;
  /** The maximum of Drive calls for each delivery. */
  limit?: number;
}

const scenariosFor = async (google: GoogleProcess, quick: boolean): Promise<Scenario[]> => {
  const authorization = `Bearer ${await callerToken(google)}`;
  const small = (query: (turn: number) => string, more: { status?: number; isKeyed?: boolean } = {}) => {
    const { status = 201, isKeyed = false } = more;
    return ({ url }: Running, turn: number): Promise<unknown> =>
      runLoad({
        url: () => `${url}/?${query(turn)}`,
        headers: () => ({
          authorization,
          'content-type': 'text/csv',
          ...(isKeyed ? { 'idempotency-key': `calls-${turn}` } : {}),
        }),
        body: Buffer.alloc(10_240, 'a,b\r\n'),
        requests: 1,
        concurrency: 1,
        status,
      });
  };
  const headers = { authorization, 'content-type': 'application/octet-stream' };
  const many = quick ? 100 : 200;
  const largeBytes = (quick ? 256 : 1024) * MEBIBYTE;
  return [
    { name: 'small', deliver: small((turn) => `name=a-${turn}.csv`), deliveries: many, limit: 1.02 },
    {
      name: 'small, with a path that is known',
      deliver: small((turn) => `name=b-${turn}.csv&path=reports/2026/11`),
      deliveries: many,
      limit: 1.02,
    },
    {
      name: 'small, with an Idempotency-Key',
      deliver: small((turn) => `name=c-${turn}.csv`, { isKeyed: true }),
      deliveries: many,
      limit: 1.02,
    },
    {
      name: 'replace',
      deliver: async (service, turn) =>
        small(() => 'name=same.csv&onConflict=replace', { status: turn === FIRST ? 201 : 200 })(service, turn),
      deliveries: many,
      limit: 2.1,
    },
    {
      name: `large, ${largeBytes / MEBIBYTE} MiB`,
      async deliver({ url }, turn) {
        const { fileId } = await sendBytes(`${url}/?name=d-${turn}.bin`, { bytes: largeBytes, headers });
        await google.admin('removeFile', { fileId });
      },
      deliveries: 1,
      limit: 2 + Math.ceil(largeBytes / CHUNK_BYTES),
    },
  ];
};

const FIRST = 1_000_000;

const pushScenario = async (google: GoogleProcess, quick: boolean): Promise<Omit<Scenario, 'name'>> => {
  const authorization = `Bearer ${await callerToken(google)}`;
  const data = Buffer.from('day,orders\r\n2026-11-24,7\r\n').toString('base64');
  return {
    deliveries: quick ? 50 : 200,
    deliver: ({ url }, turn) =>
      runLoad({
        url: () => `${url}/v1/pubsub`,
        headers: () => ({ authorization, 'content-type': 'application/json' }),
        body: Buffer.from(
          JSON.stringify({
            message: {
              data,
              attributes: { name: `push-${turn}.csv` },
              messageId: String(turn),
              publishTime: '2026-11-24T08:00:00Z',
            },
            subscription: SUBSCRIPTION,
          }),
        ),
        requests: 1,
        concurrency: 1,
        status: 204,
      }),
  };
};

const configuration = (ledger: 'memory' | 'firestore'): object => ({
  limits: { bufferBytes: BUFFER_BYTES },
  pubsub: { subscriptions: { [SUBSCRIPTION]: { serviceAccount: CALLER, destinations: ['reports'] } } },
  ledger: ledger === 'memory' ? 'memory' : { firestore: { project: 'local-project' } },
});

/** The calls of several deliveries, after a first one that creates folders, finds names and fills the caches. */
const callsOf = async (
  google: GoogleProcess,
  service: Running,
  { deliver, deliveries }: Omit<Scenario, 'name'>,
): Promise<Call[]> => {
  if (deliveries > 1) await deliver(service, FIRST);
  await google.clearCalls();
  for (let turn = 0; turn < deliveries; turn++) await deliver(service, turn);
  return google.calls();
};

/** Google calls and quota units for each delivery, counted by the local Google. */
export const benchCalls = async (google: GoogleProcess, { quick }: { quick: boolean }): Promise<Report> => {
  const rows: (string | number)[][] = [];
  const bounds: Report['bounds'][number][] = [];
  let starting: Call[] = [];
  const addFigure = (name: string, { deliveries, limit }: Omit<Scenario, 'name'>, all: readonly Call[]): number => {
    const calls = all.filter(isDrive);
    const perDelivery = calls.length / deliveries;
    rows.push([name, deliveries, perDelivery, calls.reduce((sum, each) => sum + unitsOf(each), 0) / deliveries]);
    if (limit !== undefined) bounds.push({ what: `${name}: Drive calls per delivery`, value: perDelivery, limit });
    return perDelivery;
  };

  const push = await pushScenario(google, quick);
  let inMemory: number;
  let keyFetches = 0;
  await google.clearCalls();
  const service = await run(configuredService(google, configuration('memory')));
  try {
    await push.deliver(service, FIRST + 1);
    starting = await google.calls();
    const isKeys = ({ path }: Call): boolean => path === '/oauth2/v3/certs';
    keyFetches = starting.filter(isKeys).length;
    for (const scenario of await scenariosFor(google, quick)) {
      const calls = await callsOf(google, service, scenario);
      keyFetches += calls.filter(isKeys).length;
      addFigure(scenario.name, scenario, calls);
    }
    inMemory = addFigure('Pub/Sub, ledger in memory', push, await callsOf(google, service, push));
  } finally {
    await service.stop();
  }

  const emulator = await startFirestoreEmulator();
  if (emulator !== undefined) {
    const contender = configuredService(google, configuration('firestore'));
    const env = { FIRESTORE_EMULATOR_HOST: emulator.host };
    const durable = await run(contender, { env });
    try {
      const value = addFigure('Pub/Sub, ledger in Firestore', push, await callsOf(google, durable, push));
      bounds.push({
        what: 'Pub/Sub: additional Drive calls per delivery with Firestore',
        value: value - inMemory,
        limit: 0,
      });
    } finally {
      await durable.stop();
      await emulator.stop();
    }
  }
  bounds.push({ what: "fetches of Google's signing keys in the lifetime of the service", value: keyFetches, limit: 1 });
  return {
    title: 'Google calls',
    how: `Calls to Drive and their quota units (a user has 325,000 per minute), counted at the local Google. File ids come from a pool that one call fills with 1,000 ids. From its start to its first file the service makes ${starting.length} calls to Google: ${starting.filter(isDrive).length} to Drive, for ids and for the file; the others get Google's signing keys, the service's own token and name, the secret, and the token for Drive.`,
    columns: ['', 'deliveries', 'Drive calls per delivery', 'quota units per delivery'],
    rows,
    bounds,
  };
};
