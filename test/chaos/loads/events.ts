import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../../local/google/random.ts';
import { startFirestoreEmulator } from '../../support/firestore-emulator.ts';
import { type PushWorld, startPushWorld } from '../../support/courier/push-world.ts';
import { type Export, type Message, makeExport, publish } from './event-exports.ts';
import { failedRequests } from '../judge.ts';

/**
 * Exports by push are published with duplicates while the courier is killed repeatedly: each becomes one complete file.
 * This test plays Pub/Sub itself (it redelivers until a message is acknowledged, delivers some of them twice and
 * several at once), so that runs are reproducible. Google's emulator is used in the end-to-end tests. The ledger is
 * Google's Firestore emulator.
 */
export interface EventsOptions {
  /** The number of distinct exports. */
  events: number;
  /** The fraction of them that is published twice. */
  duplicates: number;
  /** How often the courier is killed (SIGKILL). */
  kills: number;
  seed?: number;
  print?: (line: string) => void;
}

export interface EventsReport {
  files: number;
  published: number;
  pushes: number;
  kills: number;
  /** Transfers that another courier resumed past their first byte. */
  resumed: number;
  /** Messages that failed permanently, were acknowledged, and were published as dead letters. */
  givenUp: number;
  /** Pushes that were acknowledged although their audit line reports a failure. */
  misjudged: number;
  /** The violations; empty if there are none. */
  faults: string[];
}

const SUBSCRIPTION = 'projects/local-project/subscriptions/chaos';
const AT_ONCE = 8;
const MEBIBYTE = 1_048_576;
/** So slow that a large transfer takes some seconds: long enough to be killed in between. */
const BYTES_PER_SECOND = 2 * MEBIBYTE;
const MAX_TRIES = 300;
/** How long a kill waits for a large transfer to be in progress. */
const MAX_WAIT_MS = 15_000;

/** Upload sessions that were queried for their offset after they had stored something, and were then completed. */
const resumedSessions = ({ google }: PushWorld): number => {
  const sessions = new Map<string, { stored: boolean; asked: boolean; done: boolean }>();
  for (const { query, method, requestBytes, status } of google.calls.list({
    method: 'PUT',
    host: 'www.googleapis.com',
  })) {
    const id = new URLSearchParams(query).get('upload_id');
    if (id === null || method !== 'PUT') continue;
    const session = sessions.get(id) ?? { stored: false, asked: false, done: false };
    if (requestBytes > 0 && status === 308) session.stored = true;
    if (requestBytes === 0 && status === 308 && session.stored) session.asked = true;
    if (status === 200 && session.asked) session.done = true;
    sessions.set(id, session);
  }
  return [...sessions.values()].filter(({ done }) => done).length;
};

const deadLetters = ({ google }: PushWorld) =>
  google.pubsub.published.map(({ attributes }) => ({
    id: attributes.courierMessageId ?? '',
    code: attributes.courierCode,
    detail: attributes.courierDetail,
  }));

/** A contradiction is rejected with the code for its error. */
const isRefusal = ({ id, code }: ReturnType<typeof deadLetters>[number]): boolean =>
  id.endsWith('-contradicted') && code === 'idempotency-key-reused';

const faultsOf = (world: PushWorld, exports: readonly Export[]): string[] => {
  const byName = Map.groupBy(world.google.drive.files(), ({ name }) => name);
  const faults = exports.flatMap(({ name, sha256 }) => {
    const files = byName.get(name) ?? [];
    if (files.length !== 1) return [`${name}: ${files.length} files`];
    if (files[0]?.sha256 !== sha256) return [`${name}: other bytes`];
    return files[0].revisions === 1 ? [] : [`${name}: ${files[0].revisions} revisions`];
  });
  const letters = deadLetters(world).filter((letter) => !isRefusal(letter));
  return [...faults, ...letters.map(({ id, code, detail }) => `dead letter ${id}: ${code} ${detail}`)];
};

/** True while a large transfer is partially stored: the moment to kill. */
const isMidTransfer = ({ google }: PushWorld, sinceMs: number): boolean =>
  google.calls
    .list({ method: 'PUT', host: 'www.googleapis.com' })
    .some(({ requestBytes, status, startedMs }) => startedMs > sinceMs && requestBytes > 0 && status === 308);

const run = async (world: PushWorld, options: Required<EventsOptions>): Promise<EventsReport> => {
  const { events, duplicates, kills, seed, print } = options;
  const random = seededRandom(seed);
  const exports: Export[] = [];
  for (let index = 0; index < events; index++) exports.push(await makeExport(world, index, random));
  const waiting = publish(exports, duplicates, random);
  const contradictions = new Set(waiting.flatMap(({ contradiction }) => contradiction?.id ?? []));
  const refusals = contradictions.size;
  const published = waiting.length + refusals;
  world.google.faults.add({
    host: 'www.googleapis.com',
    method: 'PUT',
    path: '/upload/*',
    fault: { kind: 'throttle', bytesPerSecond: BYTES_PER_SECOND },
  });

  let pushes = 0;
  let acknowledged = 0;
  let killed = 0;
  const faults: string[] = [];

  /** The acknowledged requests by their trace id, which is the request id in the log. */
  const acknowledgedRequests = new Set<string>();

  const pushUntilAcknowledged = async ({ contradiction, ...message }: Message): Promise<void> => {
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      pushes += 1;
      const traceId = randomBytes(16).toString('hex');
      if ((await world.push({ ...message, traceId })) === 204) {
        acknowledged += 1;
        acknowledgedRequests.add(traceId);
        if (contradiction !== undefined && contradictions.delete(contradiction.id)) waiting.push(contradiction);
        return;
      }
      await sleep(100 + random() * 400);
    }
    faults.push(`${message.id}: never acknowledged`);
  };
  const worker = async (): Promise<void> => {
    for (let message = waiting.shift(); message !== undefined; message = waiting.shift())
      await pushUntilAcknowledged(message);
  };

  const endedLines: string[] = [];
  let over = false;
  /** Kills are spread over the messages. Each one waits a while for a large transfer to be in progress. */
  const killer = async (): Promise<void> => {
    for (let turn = 1; turn <= kills && !over; turn++) {
      const due = (published * turn) / (kills + 1);
      while (acknowledged < due && !over) await sleep(20);
      const sinceMs = Date.now();
      while (!over && Date.now() - sinceMs < MAX_WAIT_MS && !isMidTransfer(world, sinceMs)) await sleep(20);
      const { lines } = world.courier();
      await world.replaceCourier();
      endedLines.push(...lines);
      killed += 1;
      print(`killed ${killed} of ${kills}; ${acknowledged} of ${published} messages acknowledged`);
    }
  };

  const killing = killer();
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  over = true;
  await killing;

  faults.push(...faultsOf(world, exports));
  if (killed < kills) faults.push(`the courier was killed ${killed} times, not ${kills}`);
  const resumed = resumedSessions(world);
  if (kills > 0 && resumed === 0) faults.push('no transfer was taken up past its first byte');
  const failed = failedRequests([...endedLines, ...world.courier().lines]);
  const misjudged = [...acknowledgedRequests].filter((id) => failed.has(id)).length;
  if (misjudged > 0) faults.push(`${misjudged} pushes were acknowledged and audited as failed`);
  const givenUp = new Set(deadLetters(world).map(({ id }) => id)).size;
  if (givenUp !== refusals) faults.push(`${givenUp} messages given up, not ${refusals}`);
  const files = world.google.drive.files().filter(({ name }) => name.startsWith('event-')).length;
  if (files !== events) faults.push(`${files} files of ${events} exports`);
  return { files, published, pushes, kills: killed, resumed, givenUp, misjudged, faults };
};

/** Runs it. Returns undefined with a clear warning if Google's Firestore emulator is missing. */
export const runEvents = async ({
  seed = 1,
  print = () => undefined,
  ...rest
}: EventsOptions): Promise<EventsReport | undefined> => {
  const emulator = await startFirestoreEmulator();
  if (emulator === undefined) return undefined;
  const world = await startPushWorld({
    subscription: SUBSCRIPTION,
    ledger: { firestore: { project: 'local-project', collection: `chaos-${process.pid}` } },
    // Small buffers, so that a large file is sent in many chunks.
    limits: { bufferBytes: 8 * MEBIBYTE },
    env: { FIRESTORE_EMULATOR_HOST: emulator.host },
  });
  try {
    return await run(world, { seed, print, ...rest });
  } finally {
    await world.close();
    await emulator.stop();
  }
};
