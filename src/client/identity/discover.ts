import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../errors.ts';
import { DEFAULT_CALL_MS, googleFetch } from '../http/google-fetch.ts';
import { rewriteFor } from '../http/google-origin.ts';
import { createExchange, type Exchange } from '../http/http.ts';
import { accessTokensOf, identityInFile } from './credentials-file.ts';
import { findGcloud } from './gcloud.ts';
import type { Identity, SearchContext } from './identity.ts';
import { impersonated } from './impersonated.ts';
import { findMetadataServer } from './metadata-server.ts';

export interface DiscoverOptions {
  /** Path of a credentials file of any kind. It takes precedence over everything else. */
  keyFile?: string | undefined;
  /** Email of a service account to impersonate. */
  impersonate?: string | undefined;
  env?: Readonly<Record<string, string | undefined>> | undefined;
  home?: string;
  /** Limit of one call to Google, in milliseconds. gcloud has three times as long. Default: 20 000. */
  callMs?: number;
  /** Default: HTTP through the proxy that the environment names. */
  exchange?: Exchange;
}

/** The file that `gcloud auth application-default login` writes. */
const wellKnownFile = ({ env, home }: SearchContext): string =>
  join(env.CLOUDSDK_CONFIG ?? join(home, '.config', 'gcloud'), 'application_default_credentials.json');

/** Searches in the order of Google's own libraries, then asks gcloud. */
const find = async (context: SearchContext, { keyFile, impersonate }: DiscoverOptions): Promise<Identity> => {
  const { env } = context;
  if (keyFile) return identityInFile(keyFile, 'the key file', context);
  const named = env.GOOGLE_APPLICATION_CREDENTIALS;
  if (named) return identityInFile(named, 'GOOGLE_APPLICATION_CREDENTIALS', context);

  const path = wellKnownFile(context);
  const personal = existsSync(path)
    ? await identityInFile(path, 'application default credentials', context)
    : undefined;
  // A user's credentials can only impersonate. The platform and gcloud may offer more.
  if (personal !== undefined && (personal.kind !== 'authorized-user' || impersonate)) return personal;
  const found = (await findMetadataServer(context)) ?? (await findGcloud(context)) ?? personal;
  if (found === undefined) throw failure('identity-not-found');
  return found;
};

/** Finds the credentials of this program. @throws CourierClientError `identity-not-found`, `identity-unusable` */
export const discoverIdentity = async (options: DiscoverOptions = {}): Promise<Identity> => {
  const env = options.env ?? process.env;
  const { home = homedir(), callMs = DEFAULT_CALL_MS, exchange = createExchange(env) } = options;
  const fetch = googleFetch(rewriteFor(env.COURIER_GOOGLE_ORIGIN), exchange, callMs);
  const context = { env, home, callMs, fetch };
  const target = options.impersonate ?? env.CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT;
  const identity = await find(context, { ...options, impersonate: target });
  if (!target) return identity;
  return impersonated({
    source: accessTokensOf(identity),
    target,
    foundBy: `impersonation, starting from ${identity.foundBy}`,
    fetch: context.fetch,
  });
};
