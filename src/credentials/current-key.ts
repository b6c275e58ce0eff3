import { asCourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Minter } from './access-token.ts';
import { createRefreshed } from './refreshed.ts';

/** Looked at again in the background after this part of `cacheSeconds`, so that a busy instance never waits for it. */
const AHEAD = 0.8;
/** While Secret Manager does not answer, the key in hand serves on; decided anew this often, and not for ever. */
const PAUSE_MS = 10_000;
const MAX_GRACE_MS = 3_600_000;

/** The credentials document as it is now, in the form that mints. */
export interface CurrentKey {
  /** At most `cacheSeconds` old. The same object for as long as the document is the same. @throws CourierError */
  get(): Promise<Minter>;
  /** Read again at once. @throws CourierError */
  reread(): Promise<Minter>;
  /** Who the last one read acts as. */
  account(): string | undefined;
  drop(): void;
}

interface Reading {
  bytes: Buffer;
  minter: Minter;
  /** When it was last seen to be the current one; epoch milliseconds. */
  seenAtMs: number;
  /** Epoch milliseconds. */
  staleAtMs: number;
  uselessAtMs: number;
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
      staleAtMs: seenAtMs + cacheSeconds * 1_000 * AHEAD,
      uselessAtMs: seenAtMs + cacheSeconds * 1_000,
    };
    const bytes = await read();
    if (last?.bytes.equals(bytes)) last = { ...last, ...times };
    else {
      const minter = parse(bytes);
      if (last !== undefined) log.info({ account: minter.account() }, 'the key has changed');
      last = { bytes, minter, ...times };
    }
    return last;
  };

  const orTheLast = async (): Promise<Reading> => {
    try {
      return await load();
    } catch (error) {
      const atMs = now();
      if (!asCourierError(error).retryable || last === undefined || atMs - last.seenAtMs > MAX_GRACE_MS) throw error;
      log.warn({ error }, 'the key cannot be looked at again; the one in hand serves on');
      return { ...last, staleAtMs: atMs + PAUSE_MS, uselessAtMs: atMs + PAUSE_MS };
    }
  };

  const readings = createRefreshed<Reading>({
    load: orTheLast,
    staleAtMs: (reading) => reading.staleAtMs,
    uselessAtMs: (reading) => reading.uselessAtMs,
    onStale: (error) => log.warn({ error }, 'the key could not be looked at again'),
    now,
  });

  return {
    get: async () => (await readings.get()).minter,
    async reread() {
      readings.drop();
      const reading = await load();
      readings.put(reading);
      return reading.minter;
    },
    account: () => last?.minter.account(),
    drop() {
      readings.drop();
      last = undefined;
    },
  };
};
