import { asCourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createRefreshingValue } from '../refreshing-value.ts';
import type { Minter } from './access-token.ts';

/** The document is read again in the background after this part of `cacheSeconds`, so that a busy instance never waits for it. */
const RENEW_AT = 0.8;
/** While Secret Manager does not answer, the last key stays in use. It is read again at this interval, and used for at most this long. */
const RETRY_INTERVAL_MS = 10_000;
const MAX_GRACE_MS = 3_600_000;

/** The current credentials document, parsed. */
export interface CurrentKey {
  /** At most `cacheSeconds` old. The same object as long as the document does not change. @throws CourierError */
  get(): Promise<Minter>;
  /** Reads the document again now. @throws CourierError */
  reread(): Promise<Minter>;
  /** The account of the last document. */
  account(): string | undefined;
  clear(): void;
}

interface Reading {
  bytes: Buffer;
  minter: Minter;
  /** When it was last read; epoch milliseconds. */
  seenAtMs: number;
  /** Epoch milliseconds. */
  staleAtMs: number;
  /** Epoch milliseconds. */
  expiresAtMs: number;
}

export const createCurrentKey = ({
  read,
  parse,
  cacheSeconds,
  now,
  log,
}: {
  read(): Promise<Buffer>;
  parse(bytes: Buffer): Minter;
  cacheSeconds: number;
  now: () => number;
  log: Log;
}): CurrentKey => {
  let last: Reading | undefined;

  const load = async (): Promise<Reading> => {
    const seenAtMs = now();
    const times = {
      seenAtMs,
      staleAtMs: seenAtMs + cacheSeconds * 1_000 * RENEW_AT,
      expiresAtMs: seenAtMs + cacheSeconds * 1_000,
    };
    const bytes = await read();
    if (last?.bytes.equals(bytes)) last = { ...last, ...times };
    else {
      const minter = parse(bytes);
      if (last !== undefined) log.info({ account: minter.account() }, 'The key has changed');
      last = { bytes, minter, ...times };
    }
    return last;
  };

  const loadOrKeepLast = async (): Promise<Reading> => {
    try {
      return await load();
    } catch (error) {
      const atMs = now();
      if (!asCourierError(error).retryable || last === undefined || atMs - last.seenAtMs > MAX_GRACE_MS) throw error;
      log.warn({ error }, 'The key cannot be read again; the last one stays in use');
      return { ...last, staleAtMs: atMs + RETRY_INTERVAL_MS, expiresAtMs: atMs + RETRY_INTERVAL_MS };
    }
  };

  const readings = createRefreshingValue<Reading>({
    load: loadOrKeepLast,
    isStale: ({ staleAtMs }, nowMs) => nowMs >= staleAtMs,
    isExpired: ({ expiresAtMs }, nowMs) => nowMs >= expiresAtMs,
    onRenewalFailure: (error) => log.warn({ error }, 'The key could not be read again'),
    now,
  });

  return {
    get: async () => (await readings.get()).minter,
    async reread() {
      readings.clear();
      const reading = await load();
      readings.set(reading);
      return reading.minter;
    },
    account: () => last?.minter.account(),
    clear() {
      readings.clear();
      last = undefined;
    },
  };
};
