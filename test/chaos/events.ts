import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../local/google/random.ts';
import { startFirestoreEmulator } from '../support/firestore-emulator.ts';
import { type PushWorld, startPushWorld } from '../support/push-world.ts';

/**
 * Exports by push, published with duplicates, while the courier is killed again and again: each becomes one file, whole.
 * What Pub/Sub does is done here (bring every message until it is acknowledged, some of them twice, several at once), so
 * that it is the same each time; its own emulator is in the end-to-end tests. The ledger is Google's Firestore emulator.
 */
export interface EventsOptions {
  /** Distinct exports. */
  events: number;
  /** The share of them that is published twice. */
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
  /** Transfers that another courier took up past their first byte. */
  resumed: number;
  /** What is not as it must be; empty when all is well. */
  faults: string[];
}

interface Export {
  name: string;
  sha256: string;
  document: object;
}

interface Message {
  id: string;
  data: object;
}

const SUBSCRIPTION = 'projects/local-project/subscriptions/chaos';
const AT_ONCE = 8;
const MEBIBYTE = 1_048_576;
const LARGE_BYTES = 6 * MEBIBYTE;
/** So slow that a large transfer takes some seconds: long enough to be killed in. */
const BYTES_PER_SECOND = 2 * MEBIBYTE;
const MOST_TRIES = 300;
/** For a large transfer to be under way, before a kill comes anyway. */
const LONGEST_WAIT_MS = 15_000;

const sha256Of = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

const noise = (bytes: number, random: () => number): Buffer => {
  const noisy = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) noisy.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  return noisy;
};

/** One export in each of its five ways, in turn; every tenth is an object large enough for an upload session. */
const makeExport = async (world: PushWorld, index: number, random: () => number): Promise<Export> => {
  const name = `event-${index}`;
  const key = { name, idempotencyKey: name };
  if (index % 10 === 7 || index % 5 === 4) {
    const bytes = noise(index % 10 === 7 ? LARGE_BYTES : 2_000, random);
    const { url, sha256 } = await world.putObject(`exports/${name}`, bytes);
    // No key of its own: the object and its generation are the key.
    return { name, sha256, document: { name, source: { gcs: url } } };
  }
  const text = `export ${index}`;
  switch (index % 5) {
    case 0:
      return { name, sha256: sha256Of(text), document: { ...key, source: { text } } };
    case 1:
      return {
        name,
        sha256: sha256Of(text),
        document: { ...key, source: { base64: Buffer.from(text).toString('base64') } },
      };
    case 2:
      return {
        name,
        sha256: sha256Of(`{\n  "index": ${index}\n}\n`),
        document: { ...key, source: { json: { index } } },
      };
    default:
      return { name, sha256: sha256Of(`index\r\n${index}\r\n`), document: { ...key, source: { rows: [{ index }] } } };
  }
};

/** Every message, and for the duplicates a second: now the same message again, now the same export under another id. */
const publish = (exports: readonly Export[], duplicates: number, random: () => number): Message[] => {
  const messages = exports.map(({ name, document }): Message => ({ id: name, data: document }));
  const twice = messages.filter(() => random() < duplicates);
  const again = twice.map(({ id, data }, index): Message => ({ id: index % 2 === 0 ? id : `${id}-again`, data }));
  // Shuffled a little, so that a duplicate may come before, beside or after its like.
  return [...messages, ...again]
    .map((message, index) => ({ message, at: (index % messages.length) + random() * 20 }))
    .sort((a, b) => a.at - b.at)
    .map(({ message }) => message);
};

/** Upload sessions that were asked where they are, after they had stored something, and then brought to their end. */
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

const faultsOf = (world: PushWorld, exports: readonly Export[]): string[] => {
  const byName = Map.groupBy(world.google.drive.files(), ({ name }) => name);
  const faults = exports.flatMap(({ name, sha256 }) => {
    const files = byName.get(name) ?? [];
    if (files.length !== 1) return [`${name}: ${files.length} files`];
    if (files[0]?.sha256 !== sha256) return [`${name}: other bytes`];
    return files[0].revisions === 1 ? [] : [`${name}: ${files[0].revisions} revisions`];
  });
  const letters = world.google.pubsub.published.map(
    ({ attributes }) =>
      `dead letter ${attributes.courierMessageId}: ${attributes.courierCode} ${attributes.courierDetail}`,
  );
  return [...faults, ...letters];
};

/** True while a large transfer has some of its bytes stored and is not at its end: the moment to kill at. */
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
  const published = waiting.length;
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

  const bring = async (message: Message): Promise<void> => {
    for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
      pushes += 1;
      if ((await world.push(message)) === 204) {
        acknowledged += 1;
        return;
      }
      await sleep(100 + random() * 400);
    }
    faults.push(`${message.id}: never acknowledged`);
  };
  const worker = async (): Promise<void> => {
    for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) await bring(message);
  };

  let over = false;
  /** Kills are spread over the messages; each waits a while for a large transfer to be under way. */
  const killer = async (): Promise<void> => {
    for (let turn = 1; turn <= kills && !over; turn++) {
      const due = (published * turn) / (kills + 1);
      while (acknowledged < due && !over) await sleep(20);
      const sinceMs = Date.now();
      while (!over && Date.now() - sinceMs < LONGEST_WAIT_MS && !isMidTransfer(world, sinceMs)) await sleep(20);
      await world.replaceCourier();
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
  const files = world.google.drive.files().filter(({ name }) => name.startsWith('event-')).length;
  if (files !== events) faults.push(`${files} files of ${events} exports`);
  return { files, published, pushes, kills: killed, resumed, faults };
};

/** Runs it; undefined, and loudly so, where Google's Firestore emulator is not there. */
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
    // Small buffers, so that a large file goes in many chunks.
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
