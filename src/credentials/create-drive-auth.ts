import type { CredentialConfig } from '../config/schema/credential.ts';
import { asCourierError, CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import type { Log } from '../log.ts';
import { createRefreshingValue } from '../refreshing-value.ts';
import { isSameSecret } from '../text/google/secret-name.ts';
import { type AccessToken, type Minter, tokenAges } from './access-token.ts';
import { readDocument } from './documents/document.ts';
import { minterOf } from './documents/from-document.ts';
import type { DriveAuth } from './drive-auth.ts';
import { createImpersonated } from './impersonation/impersonate.ts';
import { createRuntimeIdentity, type RuntimeIdentity } from './runtime/runtime-identity.ts';
import { createSecretReader } from './secret-manager.ts';

/** The document is read again in the background after this part of `cacheSeconds`, so that a busy instance never waits for it. */
const RENEW_AT = 0.8;
/** While Secret Manager does not answer, the last key stays in use. It is read again at this interval, and used for at most this long. */
const RETRY_INTERVAL_MS = 10_000;
const MAX_GRACE_MS = 3_600_000;

/** The current credentials document, parsed. */
interface CurrentKey {
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

const createCurrentKey = ({
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

export interface DriveAuthOptions {
  /** Name of the entry under `credentials`, for the log. */
  name: string;
  config: CredentialConfig;
  transport: GoogleTransport;
  /** Replaces every Google host; development and tests only. */
  googleOrigin?: string | undefined;
  /** The courier's own identity, shared by all credentials; default: a new one. */
  runtime?: RuntimeIdentity | undefined;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
}

/** One byte more than a credentials document may have: enough to see that it is too large. */
const READ_BYTES = 65_537;

/** Reads a mounted credentials file. @throws CourierError `key-invalid` */
const readKeyFile = async (path: string): Promise<Buffer> => {
  try {
    // Loading it takes two milliseconds, so it is loaded only where credentials come from a file.
    const { open } = await import('node:fs/promises');
    const file = await open(path, 'r');
    try {
      if (!(await file.stat()).isFile()) throw new Error('not a regular file');
      const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code: why = 'not a regular file' } = error as NodeJS.ErrnoException;
    throw new CourierError('key-invalid', {
      reason: 'file-unreadable',
      detail: `The configured credentials file cannot be read (${why}).`,
      remedy: 'Mount the credentials file at the configured path, readable by the courier.',
    });
  }
};

/** For credentials without a document that could be read again. */
const constantKey = (minter: Minter): CurrentKey => ({
  get: async () => minter,
  reread: async () => minter,
  account: minter.account,
  clear: () => undefined,
});

const keyOf = (options: DriveAuthOptions, log: Log): CurrentKey => {
  const { config, transport, googleOrigin, now } = options;
  const { secret, file, impersonate, scopes, subject, cacheSeconds } = config;
  const runtime = options.runtime ?? createRuntimeIdentity({ transport, now });
  const parse = (bytes: Buffer): Minter => minterOf(readDocument(bytes, { googleOrigin }), { transport, config, now });
  if (secret !== undefined) {
    const readSecret = createSecretReader(runtime);
    return createCurrentKey({ read: () => readSecret(secret), parse, cacheSeconds, now, log });
  }
  if (file !== undefined) return createCurrentKey({ read: () => readKeyFile(file), parse, cacheSeconds, now, log });
  if (impersonate !== undefined) {
    const { token, rejected, account } = runtime;
    return constantKey(
      createImpersonated({ transport, token, rejected, account, target: impersonate, scopes, subject, now }),
    );
  }
  // The platform's own token, with the configured scopes. If the platform ignores them, Drive's first 403 becomes `scope-insufficient`.
  return constantKey(runtime.minter(scopes));
};

interface KeptToken extends AccessToken {
  by: Minter;
}

/** The Drive credentials that one entry of `credentials` describes. */
export const createDriveAuth = (options: DriveAuthOptions): DriveAuth => {
  const { name, config, now } = options;
  const log = options.log.child({ credentials: name });
  const key = keyOf(options, log);

  const mint = async (): Promise<KeptToken> => {
    const by = await key.get();
    try {
      return { ...(await by.mint()), by };
    } catch (error) {
      if (asCourierError(error).retryable) throw error;
      // Google rejected the key. There may be a newer one already.
      const next = await key.reread();
      if (next === by) throw error;
      return { ...(await next.mint()), by: next };
    }
  };

  const tokens = createRefreshingValue<KeptToken>({
    ...tokenAges,
    load: mint,
    onRenewalFailure: (error) => log.warn({ error }, 'The access token could not be renewed before it expires'),
    now,
  });

  return {
    async token() {
      const current = await key.get();
      const kept = tokens.peek();
      // A token of a replaced key would outlive that key by up to an hour.
      if (kept !== undefined && kept.by !== current) tokens.clear();
      return (await tokens.get()).value;
    },
    rejected(token) {
      if (tokens.peek()?.value === token) tokens.clear();
    },
    account: key.account,
    rotated(secret) {
      if (config.secret === undefined || !isSameSecret(config.secret, secret)) return;
      key.clear();
      tokens.clear();
    },
  };
};
