import { isDeepStrictEqual } from 'node:util';
import { createLocalJWKSet, type JWK } from 'jose';
import { z } from 'zod';
import { CourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createRefreshingValue } from '../refreshing-value.ts';

type SelectKey = ReturnType<typeof createLocalJWKSet>;
type SigningKey = Awaited<ReturnType<SelectKey>>;

/** The accepted signature algorithms, each with the key type it needs. */
const KEY_TYPE = { RS256: 'RSA', ES256: 'EC' } as const;
export type Algorithm = keyof typeof KEY_TYPE;

/** The keys are not fetched more often than this because of an unknown `kid`, or in the background after a failure. */
const MIN_RENEWAL_INTERVAL_MS = 30_000;
/** After a failed fetch, requests that need keys get the same error for this long. */
const FAILURE_PAUSE_MS = 2_000;
const FETCH_TIMEOUT_MS = 5_000;
/** For an answer without `cache-control: max-age`. */
const DEFAULT_MAX_AGE_SECONDS = 300;
const MAX_CACHE_SECONDS = 24 * 3600;
/** The keys are renewed in the background after this part of their lifetime, so that an outage at Google has no effect for hours. */
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
  /** Called when Google has withdrawn a key, so that tokens signed with it are no longer accepted from the cache. */
  onWithdrawn?: (() => void) | undefined;
}

export interface SigningKeys {
  /** The key with this id, or undefined if Google has none. @throws CourierError `google-unavailable` */
  find(kid: string): Promise<SigningKey | undefined>;
  /** Fetches the keys if they are not cached. @throws CourierError `google-unavailable` */
  warmUp(): Promise<void>;
}

interface KeySet {
  byId: ReadonlyMap<string, JWK>;
  /** From jose: checks the key's properties again, and imports each key once. */
  select: SelectKey;
  fetchedAtMs: number;
  maxAgeMs: number;
}

/** Seconds for which an answer may be cached (RFC 9111 §5.2.2.1). */
const maxAgeSeconds = (headers: Headers): number => {
  const stated = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/i.exec(headers.get('cache-control') ?? '')?.[1];
  const age = stated === undefined ? DEFAULT_MAX_AGE_SECONDS : Number(stated) - Number(headers.get('age') ?? 0);
  return Math.min(Math.max(Number.isFinite(age) ? age : 0, 0), MAX_CACHE_SECONDS);
};

/**
 * The keys that may be used for verification: of the algorithm's type, not marked for another algorithm or use (RFC 7517 §4.2,
 * §4.4). If two keys share an id, neither is used.
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

/** True for `spanMs` after a time. A clock that was set back since then makes it false. */
const isWithin = (sinceMs: number, spanMs: number, nowMs: number): boolean =>
  nowMs >= sinceMs && nowMs - sinceMs < spanMs;

/**
 * Google's public keys, fetched with one request however many callers wait, and cached as long as Google allows.
 * jose's own remote key set is not used: it reads its own clock, ignores `max-age`, and sends a request for every token during
 * an outage.
 */
export const createSigningKeys = (options: SigningKeysOptions): SigningKeys => {
  const { url, algorithm, now, log } = options;

  const fetchKeys = async (): Promise<KeySet> => {
    const response = await options.fetch(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
      headers: { accept: 'application/json' },
    });
    if (response.status !== 200) throw new Error(`the JWKS URL answered ${response.status}`);
    const byId = usableKeys(await response.json(), algorithm);
    if (byId.size === 0) throw new Error('the answer contains no usable key');
    const select = createLocalJWKSet({ keys: [...byId.values()] });
    return { byId, select, fetchedAtMs: now(), maxAgeMs: maxAgeSeconds(response.headers) * 1000 };
  };

  const keys = createRefreshingValue<KeySet>({
    load: () =>
      fetchKeys().catch((cause: unknown) => {
        const detail = "Google's keys for verifying ID tokens cannot be fetched.";
        const error = new CourierError('google-unavailable', { detail, cause });
        log.warn({ error, url }, 'The signing keys could not be fetched');
        throw error;
      }),
    isStale: ({ fetchedAtMs, maxAgeMs }, nowMs) =>
      !isWithin(fetchedAtMs, Math.max(maxAgeMs * RENEW_AT, MIN_RENEWAL_INTERVAL_MS), nowMs),
    isExpired: ({ fetchedAtMs, maxAgeMs }, nowMs) => !isWithin(fetchedAtMs, maxAgeMs, nowMs),
    onLoaded(next, previous) {
      const withdrawn = [...(previous?.byId ?? [])].some(([kid, key]) => !isDeepStrictEqual(next.byId.get(kid), key));
      if (withdrawn) options.onWithdrawn?.();
    },
    failurePauseMs: FAILURE_PAUSE_MS,
    renewalPauseMs: MIN_RENEWAL_INTERVAL_MS,
    now,
  });

  return {
    async find(kid) {
      const known = await keys.get();
      // Google may have published the key since. Unknown ids must not cause a fetch each time.
      const mayBeNew = !known.byId.has(kid) && !isWithin(known.fetchedAtMs, MIN_RENEWAL_INTERVAL_MS, now());
      const { byId, select } = mayBeNew ? await keys.renew(MIN_RENEWAL_INTERVAL_MS) : known;
      return byId.has(kid) ? select({ alg: algorithm, kid }).catch(() => undefined) : undefined;
    },
    async warmUp() {
      await keys.get();
    },
  };
};
