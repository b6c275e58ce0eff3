import { isDeepStrictEqual } from 'node:util';
import { createLocalJWKSet, type JWK } from 'jose';
import { z } from 'zod';
import { CourierError } from '../errors.ts';
import type { Log } from '../log.ts';

type SelectKey = ReturnType<typeof createLocalJWKSet>;
type SigningKey = Awaited<ReturnType<SelectKey>>;

/** The signature algorithms that are taken at all, each with the key type it needs. */
const KEY_TYPE = { RS256: 'RSA', ES256: 'EC' } as const;
export type Algorithm = keyof typeof KEY_TYPE;

/** An unknown `kid` may ask for the keys again this often; a failed fetch holds off the next one for the shorter time. */
const COOLDOWN_MS = 30_000;
const FAILURE_PAUSE_MS = 2_000;
const FETCH_TIMEOUT_MS = 5_000;
/** For an answer without `cache-control: max-age`. */
const DEFAULT_MAX_AGE_SECONDS = 300;
const MAX_CACHE_SECONDS = 24 * 3600;
/** From here on the keys are renewed beside the work, so that an hour of Google's troubles is not ours. */
const RENEW_AT = 0.5;

const jwk = z.looseObject({
  kty: z.string(),
  kid: z.string().min(1),
  alg: z.string().optional(),
  use: z.string().optional(),
});
const jwks = z.object({ keys: z.array(z.unknown()).min(1).max(100) });

export interface SigningKeysOptions {
  url: string;
  algorithm: Algorithm;
  fetch: typeof globalThis.fetch;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
  /** Told when Google has withdrawn a key, whose tokens must not be remembered any longer. */
  onWithdrawn?: () => void;
}

export interface SigningKeys {
  /** The key of that id, or undefined where Google has none. @throws CourierError `google-unavailable` */
  find(kid: string): Promise<SigningKey | undefined>;
  /** Fetches the keys unless they are there. @throws CourierError `google-unavailable` */
  warmUp(): Promise<void>;
}

interface KeySet {
  byId: ReadonlyMap<string, JWK>;
  /** jose's: checks the key's labels once more, and imports each key once. */
  select: SelectKey;
  fetchedAtMs: number;
  maxAgeMs: number;
}

/** Seconds for which an answer may be kept (RFC 9111 §5.2.2.1). */
const maxAgeSeconds = (headers: Headers): number => {
  const stated = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/i.exec(headers.get('cache-control') ?? '')?.[1];
  const age = stated === undefined ? DEFAULT_MAX_AGE_SECONDS : Number(stated) - Number(headers.get('age') ?? 0);
  return Math.min(Math.max(Number.isFinite(age) ? age : 0, 0), MAX_CACHE_SECONDS);
};

/**
 * The keys that may verify: of the algorithm's type, not labelled for another algorithm or use (RFC 7517 §4.2, §4.4).
 * An id that two of them share names neither.
 */
const usableKeys = (document: unknown, algorithm: Algorithm): Map<string, JWK> => {
  const usable = jwks
    .parse(document)
    .keys.flatMap((item) => jwk.safeParse(item).data ?? [])
    .filter(
      ({ kty, alg, use }) =>
        kty === KEY_TYPE[algorithm] && (alg ?? algorithm) === algorithm && (use ?? 'sig') === 'sig',
    );
  const once = usable.filter(({ kid }) => usable.filter((other) => other.kid === kid).length === 1);
  return new Map(once.map((key) => [key.kid, key as JWK]));
};

/** True for `spanMs` from a moment on; a clock that was set back since ends it at once. */
const isWithin = (sinceMs: number, spanMs: number, nowMs: number): boolean =>
  nowMs >= sinceMs && nowMs - sinceMs < spanMs;

/**
 * Google's public keys, fetched by one request however many wait, and kept as long as Google says.
 * jose's own remote set is not used: it reads its own clock, knows no `max-age`, and asks again for every token while
 * Google does not answer.
 */
export const createSigningKeys = (options: SigningKeysOptions): SigningKeys => {
  const { url, algorithm, now, log } = options;
  let current: KeySet | undefined;
  let pending: Promise<KeySet> | undefined;
  let failure: { atMs: number; error: CourierError } | undefined;

  const fetchKeys = async (): Promise<KeySet> => {
    const response = await options.fetch(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
      headers: { accept: 'application/json' },
    });
    if (response.status !== 200) throw new Error(`the keys' address answered ${response.status}`);
    const byId = usableKeys(await response.json(), algorithm);
    if (byId.size === 0) throw new Error('the answer has no key that can be used');
    const select = createLocalJWKSet({ keys: [...byId.values()] });
    return { byId, select, fetchedAtMs: now(), maxAgeMs: maxAgeSeconds(response.headers) * 1000 };
  };

  const take = (next: KeySet): KeySet => {
    const withdrawn = [...(current?.byId ?? [])].some(([kid, key]) => !isDeepStrictEqual(next.byId.get(kid), key));
    current = next;
    if (withdrawn) options.onWithdrawn?.();
    return next;
  };

  const fail = (cause: unknown): never => {
    const error = new CourierError('google-unavailable', {
      detail: "Google's keys for checking ID tokens cannot be fetched.",
      cause,
    });
    log.warn({ error, url }, 'the signing keys could not be fetched');
    failure = { atMs: now(), error };
    throw error;
  };

  const renew = (pauseMs: number): Promise<KeySet> => {
    if (pending !== undefined) return pending;
    if (failure !== undefined && isWithin(failure.atMs, pauseMs, now())) return Promise.reject(failure.error);
    const attempt = fetchKeys()
      .then(take, fail)
      .finally(() => {
        pending = undefined;
      });
    pending = attempt;
    return attempt;
  };

  const fresh = async (): Promise<KeySet> => {
    if (current === undefined || !isWithin(current.fetchedAtMs, current.maxAgeMs, now())) {
      return renew(FAILURE_PAUSE_MS);
    }
    if (!isWithin(current.fetchedAtMs, Math.max(current.maxAgeMs * RENEW_AT, COOLDOWN_MS), now())) {
      renew(COOLDOWN_MS).catch(() => undefined); // logged; the keys at hand are good for a while yet
    }
    return current;
  };

  return {
    async find(kid) {
      const known = await fresh();
      const mayBeNew = !known.byId.has(kid) && !isWithin(known.fetchedAtMs, COOLDOWN_MS, now());
      const { byId, select } = mayBeNew ? await renew(COOLDOWN_MS) : known;
      return byId.has(kid) ? select({ alg: algorithm, kid }).catch(() => undefined) : undefined;
    },
    async warmUp() {
      await fresh();
    },
  };
};
