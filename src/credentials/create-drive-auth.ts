import type { CredentialConfig } from '../config/credential.ts';
import { asCourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import type { Log } from '../log.ts';
import { type AccessToken, type Minter, tokenAges } from './access-token.ts';
import { type CurrentKey, createCurrentKey } from './current-key.ts';
import { readDocument } from './document.ts';
import type { DriveAuth } from './drive-auth.ts';
import { createImpersonated } from './impersonate.ts';
import { readKeyFile } from './key-file.ts';
import { createRefreshed } from './refreshed.ts';
import { createRuntimeIdentity, type RuntimeIdentity } from './runtime-identity.ts';
import { createSecretReader } from './secret-manager.ts';
import { isSameSecret } from './secret-name.ts';
import { minterOf } from './ways.ts';

export interface DriveAuthOptions {
  /** The credentials' name in the configuration, for the log. */
  name: string;
  config: CredentialConfig;
  transport: GoogleTransport;
  /** Replaces every Google host; development and tests only. */
  googleOrigin?: string | undefined;
  /** The courier's own identity, shared by all credentials; default: one of its own. */
  runtime?: RuntimeIdentity;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
}

/** Where there is no document to read again: the configuration itself is the right. */
const alwaysThis = (minter: Minter): CurrentKey => ({
  get: async () => minter,
  reread: async () => minter,
  account: minter.account,
  drop: () => undefined,
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
    return alwaysThis(createImpersonated({ transport, token, rejected, target: impersonate, scopes, subject, now }));
  }
  // The platform's own token, with the scope asked for. Where that is ignored, Drive's first 403 becomes `scope-insufficient`.
  return alwaysThis(runtime.minter(scopes));
};

interface Held extends AccessToken {
  by: Minter;
}

/** The right to write to Drive that one entry of `credentials` describes. */
export const createDriveAuth = (options: DriveAuthOptions): DriveAuth => {
  const { name, config, now } = options;
  const log = options.log.child({ credentials: name });
  const key = keyOf(options, log);

  const mint = async (): Promise<Held> => {
    const by = await key.get();
    try {
      return { ...(await by.mint()), by };
    } catch (error) {
      if (asCourierError(error).retryable) throw error;
      // Google refuses the key: there may be a newer one already.
      const next = await key.reread();
      if (next === by) throw error;
      return { ...(await next.mint()), by: next };
    }
  };

  const tokens = createRefreshed<Held>({
    ...tokenAges,
    load: mint,
    onStale: (error) => log.warn({ error }, 'the token could not be renewed ahead of its end'),
    now,
  });

  return {
    async token() {
      const current = await key.get();
      const held = tokens.peek();
      // A token of a key that was replaced would outlive it by up to an hour.
      if (held !== undefined && held.by !== current) tokens.drop();
      return (await tokens.get()).value;
    },
    rejected(token) {
      if (tokens.peek()?.value === token) tokens.drop();
    },
    account: key.account,
    rotated(secret) {
      if (config.secret === undefined || !isSameSecret(config.secret, secret)) return;
      key.drop();
      tokens.drop();
    },
  };
};
