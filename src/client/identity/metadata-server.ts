import { z } from 'zod';
import { failure } from '../errors.ts';
import type { Identity, SearchContext } from './identity.ts';
import { identityError } from './refusal.ts';

const ACCOUNT = 'instance/service-accounts/default';
const FLAVOR = { 'metadata-flavor': 'Google' };
const PROBE_MS = 1_000;

type Env = SearchContext['env'];

const hostOf = (env: Env): string => env.GCE_METADATA_HOST || env.GCE_METADATA_IP || '169.254.169.254';

/** Google's serverless platforms set one of these variables, so no probe is needed there. */
const isKnownPlatform = (env: Env): boolean =>
  [env.GCE_METADATA_HOST, env.K_SERVICE, env.CLOUD_RUN_JOB, env.FUNCTION_TARGET, env.GAE_SERVICE].some(Boolean);

const mayProbe = (env: Env): boolean =>
  !/^(1|true)$/i.test(env.NO_GCE_CHECK ?? '') && env.METADATA_SERVER_DETECTION?.trim().toLowerCase() !== 'none';

/** Probes for Google's metadata server. AWS has one at the same address, which does not send this header. */
const answers = async (env: Env): Promise<boolean> => {
  try {
    const response = await fetch(`http://${hostOf(env)}/`, { headers: FLAVOR, signal: AbortSignal.timeout(PROBE_MS) });
    await response.body?.cancel();
    return response.headers.get('metadata-flavor') === 'Google';
  } catch {
    return false;
  }
};

const refused = (status: number, text: string) =>
  failure('identity-refused', {
    detail: `metadata server: HTTP ${status} ${text.trim().slice(0, 200)}`,
    remedy: 'Attach a service account to this machine or service.',
  });

const ask = async ({ env, fetch }: SearchContext, path: string): Promise<string> => {
  try {
    const response = await fetch(`http://${hostOf(env)}/computeMetadata/v1/${path}`, { headers: FLAVOR });
    const text = await response.text();
    if (response.status >= 500 || response.status === 429) {
      throw failure('google-unreachable', { detail: `metadata server: HTTP ${response.status}` });
    }
    if (!response.ok) throw refused(response.status, text);
    return text.trim();
  } catch (error) {
    throw identityError(error, 'metadata server');
  }
};

const tokenSchema = z.object({ access_token: z.string() });

const accessToken = async (context: SearchContext, scopes: readonly string[]): Promise<string> => {
  const query = scopes.length === 0 ? '' : `?${new URLSearchParams({ scopes: scopes.join(',') })}`;
  const text = await ask(context, `${ACCOUNT}/token${query}`);
  try {
    return tokenSchema.parse(JSON.parse(text)).access_token;
  } catch {
    throw failure('identity-refused', { detail: 'metadata server: no token in its answer' });
  }
};

/** The identity that Cloud Run, Compute Engine or GKE attaches. */
export const findMetadataServer = async (context: SearchContext): Promise<Identity | undefined> => {
  const { env } = context;
  if (!mayProbe(env)) return undefined;
  if (!isKnownPlatform(env) && !(await answers(env))) return undefined;
  return {
    kind: 'metadata-server',
    foundBy: `the metadata server at ${hostOf(env)}`,
    // Without format=full the token has no email, and the courier knows the caller only by number.
    idToken: (audience) => ask(context, `${ACCOUNT}/identity?${new URLSearchParams({ audience, format: 'full' })}`),
    accessToken: (scopes) => accessToken(context, scopes),
  };
};
