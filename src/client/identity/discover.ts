import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../errors.ts';
import { CALL_MS, googleFetch } from '../google-fetch.ts';
import { rewriteFor } from '../google-origin.ts';
import { accessTokensOf, identityInFile } from './credentials-file.ts';
import { findGcloud } from './gcloud.ts';
import type { Identity, Surroundings } from './identity.ts';
import { impersonated } from './impersonated.ts';
import { findMetadataServer } from './metadata-server.ts';

export interface DiscoverOptions {
  /** A credentials file of any kind; before everything else. */
  keyFile?: string | undefined;
  /** Email of a service account to act as. */
  impersonate?: string | undefined;
  env?: Readonly<Record<string, string | undefined>>;
  home?: string;
  /** For one call to Google, in milliseconds: default 20 000. gcloud, which takes its time to start, has three times as long. */
  callMs?: number;
}

/** Where `gcloud auth application-default login` leaves its file. */
const wellKnownFile = ({ env, home }: Surroundings): string =>
  join(env.CLOUDSDK_CONFIG ?? join(home, '.config', 'gcloud'), 'application_default_credentials.json');

/** In the order of Google's own libraries, gcloud's account last. */
const find = async (surroundings: Surroundings, { keyFile, impersonate }: DiscoverOptions): Promise<Identity> => {
  const { env } = surroundings;
  if (keyFile) return identityInFile(keyFile, 'the key file', surroundings);
  const named = env.GOOGLE_APPLICATION_CREDENTIALS;
  if (named) return identityInFile(named, 'GOOGLE_APPLICATION_CREDENTIALS', surroundings);

  const path = wellKnownFile(surroundings);
  const personal = existsSync(path)
    ? await identityInFile(path, 'application default credentials', surroundings)
    : undefined;
  // A person's own file cannot do more than impersonate; the platform and gcloud may do better.
  if (personal !== undefined && (personal.kind !== 'authorized-user' || impersonate)) return personal;
  const found = (await findMetadataServer(surroundings)) ?? (await findGcloud(surroundings)) ?? personal;
  if (found === undefined) throw failure('identity-not-found');
  return found;
};

/** Finds who this program is. @throws CourierClientError `identity-not-found`, `identity-unusable` */
export const discoverIdentity = async (options: DiscoverOptions = {}): Promise<Identity> => {
  const env = options.env ?? process.env;
  const { home = homedir(), callMs = CALL_MS } = options;
  const surroundings = { env, home, callMs, fetch: googleFetch(rewriteFor(env.COURIER_GOOGLE_ORIGIN), callMs) };
  const target = options.impersonate ?? env.CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT;
  const identity = await find(surroundings, { ...options, impersonate: target });
  if (!target) return identity;
  return impersonated({
    source: accessTokensOf(identity),
    target,
    foundBy: `impersonation by way of ${identity.foundBy}`,
    fetch: surroundings.fetch,
  });
};
