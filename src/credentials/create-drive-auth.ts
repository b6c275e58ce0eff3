import type { CredentialConfig } from '../config/schema/credential.ts';
import { asCourierError, CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import type { Log } from '../log.ts';
import { createRefreshingValue } from '../refreshing-value.ts';
import { isSameSecret } from '../text/secret-name.ts';
import { type AccessToken, type Minter, tokenAges } from './access-token.ts';
import { type CurrentKey, createCurrentKey } from './current-key.ts';
import { readDocument } from './documents/document.ts';
import type { DriveAuth } from './drive-auth.ts';
import { createImpersonated } from './impersonation/impersonate.ts';
import { createRuntimeIdentity, type RuntimeIdentity } from './runtime/runtime-identity.ts';
import { createSecretReader } from './secret-manager.ts';
import { minterOf } from './documents/from-document.ts';

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
    const { token, rejected } = runtime;
    return constantKey(createImpersonated({ transport, token, rejected, target: impersonate, scopes, subject, now }));
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
