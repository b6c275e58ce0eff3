import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CourierProcess, type CourierProcessOptions, startCourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import type { Receipt } from '../../src/domain.ts';

export const AUDIENCE = 'https://drive-courier.example';
export const MEBIBYTE = 1_048_576;

/** The response that a caller got. */
export interface Seen {
  status: number;
  /** The code of the problem, if it is one. */
  code: string | undefined;
  /** The Retry-After in seconds. */
  retryAfter: number | undefined;
  detail: string | undefined;
  receipt: Receipt;
  /** Milliseconds until the response. */
  tookMs: number;
}

type Body = string | Uint8Array | ReadableStream;

interface Sending {
  key?: string;
  path?: string;
  token?: string;
  signal?: AbortSignal;
}

interface Starting extends Pick<CourierProcessOptions, 'under' | 'cwd' | 'nodeOptions' | 'entry'> {
  /** Merged into a valid configuration. */
  config?: Readonly<Record<string, unknown>>;
  env?: Readonly<Record<string, string>>;
}

/** A courier process beside a Google with failures. */
export interface BadDay {
  google: LocalGoogle;
  start(starting?: Starting): Promise<CourierProcess>;
  token(): string;
  send(courier: Pick<CourierProcess, 'url'>, name: string, body: Body, sending?: Sending): Promise<Seen>;
  /**
   * Retries like a patient caller while the response is retryable or missing. Returns all responses; the last one is
   * final.
   */
  insist(
    courier: () => Pick<CourierProcess, 'url'>,
    name: string,
    body: string | Uint8Array,
    sending?: Sending,
  ): Promise<Seen[]>;
  /** The sorted names of the files with this prefix, including those in the trash. */
  filesOf(prefix: string): string[];
  close(): Promise<void>;
}

/** Callers honor Retry-After, but wait no longer than this, so that the tests end. */
const MAX_WAIT_MS = 1_000;
const MAX_TRIES = 120;

/** The key comes from Secret Manager, read with the platform's own identity, so every Google service is needed. */
export const startBadDay = async (): Promise<BadDay> => {
  const google = await startLocalGoogle();
  const { world, places } = google;
  world.secrets.allow('drive-key', world.emails.runtime);
  const couriers: CourierProcess[] = [];
  const token = (): string => world.idToken({ email: world.emails.exporter, audience: AUDIENCE });

  const send: BadDay['send'] = async ({ url }, name, body, { key, path, signal, ...sending } = {}) => {
    const startedMs = performance.now();
    const query = new URLSearchParams({ name, ...(path === undefined ? {} : { path }) });
    const init = {
      method: 'POST',
      duplex: 'half',
      headers: {
        authorization: `Bearer ${sending.token ?? token()}`,
        'content-type': 'application/octet-stream',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: typeof body === 'string' ? Buffer.from(body) : body,
      ...(signal === undefined ? {} : { signal }),
    };
    const response = await fetch(`${url}/v1/files?${query}`, init as RequestInit);
    const receipt = (await response.json()) as Receipt & { code?: string; detail?: string };
    const { code, detail } = receipt;
    const wait = response.headers.get('retry-after');
    const retryAfter = wait === null ? undefined : Number(wait);
    return { status: response.status, code, detail, retryAfter, receipt, tookMs: performance.now() - startedMs };
  };

  return {
    google,
    async start({ config = {}, env = {}, ...rest } = {}) {
      const courier = await startCourierProcess({
        ...rest,
        env: {
          COURIER_CONFIG: JSON.stringify({
            audiences: [AUDIENCE],
            operators: [world.emails.ops],
            destinations: {
              reports: {
                folder: places.sharedDriveFolder,
                credentials: 'main',
                callers: [world.emails.exporter],
                sources: [`gs://${google.bucket}/`],
              },
            },
            credentials: { main: { secret: `${world.secret}/versions/latest` } },
            ...config,
          }),
          COURIER_GOOGLE_ORIGIN: google.origin,
          GCE_METADATA_HOST: google.metadataHost,
          METADATA_SERVER_DETECTION: 'assume-present',
          GOOGLE_CLOUD_PROJECT: world.project.id,
          ...env,
        },
      });
      couriers.push(courier);
      return courier;
    },
    token,
    send,
    async insist(courier, name, body, sending) {
      const all: Seen[] = [];
      for (let turn = 0; turn < MAX_TRIES; turn++) {
        const seen = await send(courier(), name, body, sending).catch(() => undefined);
        if (seen !== undefined) all.push(seen);
        if (seen !== undefined && seen.status !== 503 && seen.status !== 429) return all;
        await sleep(Math.min(MAX_WAIT_MS, 1_000 * (seen?.retryAfter ?? 0.2)));
      }
      throw new Error(`${name}: no final answer in ${MAX_TRIES} tries`);
    },
    filesOf: (prefix) =>
      google.drive
        .files()
        .filter(({ name }) => name.startsWith(prefix))
        .map(({ name }) => name)
        .sort(),
    async close() {
      await Promise.all(couriers.map((courier) => courier.kill()));
      await google.close();
    },
  };
};

export const noise = (bytes: number): Buffer => randomBytes(bytes);

export const waitUntil = async (holds: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> => {
  const endsMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > endsMs) throw new Error(`not within ${withinMs} ms`);
    await sleep(20);
  }
};

/** The response in one line, for the tests' expectations. */
export const summaryOf = ({ status, code, retryAfter }: Seen): string =>
  [status, code, retryAfter === undefined ? undefined : `Retry-After ${retryAfter}`]
    .filter((part) => part !== undefined)
    .join(' ');

/** Background load: each lane makes one delivery after another until it is stopped. */
export const startLoad = (lanes: number, deliver: (turn: number) => Promise<Seen>) => {
  const seen: Seen[] = [];
  let turns = 0;
  let over = false;
  const lane = async (): Promise<void> => {
    while (!over) seen.push(await deliver(++turns));
  };
  const done = Promise.all(Array.from({ length: lanes }, lane));
  done.catch(() => undefined);
  return {
    seen,
    /** Waits for this many more responses. */
    more: (count: number): Promise<void> => {
      const until = seen.length + count;
      return Promise.race([waitUntil(() => seen.length >= until, 120_000), done.then(() => undefined)]);
    },
    async end(): Promise<readonly Seen[]> {
      over = true;
      await done;
      return seen;
    },
  };
};
