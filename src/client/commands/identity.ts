import { failure } from '../errors.ts';
import { claimsOf } from '../token-claims.ts';
import { audienceOf, type Context, type GlobalOptions, identityOf, print } from './context.ts';

export interface TokenFlags extends GlobalOptions {
  access?: boolean;
  scopes?: string[];
}

const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';

/** `courier token`: prints an ID token for the courier, or with --access an access token for Google's APIs. */
export const tokenCommand = async (context: Context, flags: TokenFlags): Promise<void> => {
  const audience = audienceOf(context, flags);
  if (flags.scopes !== undefined && !flags.access) {
    throw failure('usage', { detail: '--scopes goes with --access: an ID token has an audience, and no scopes.' });
  }
  if (!flags.access && audience === undefined) {
    throw failure('usage', { detail: 'For whom is the token? Give --audience, --url or COURIER_URL.' });
  }
  const identity = await identityOf(context, flags);
  const scopes = (flags.scopes ?? [CLOUD_PLATFORM]).flatMap((each) => each.split(',')).filter(Boolean);
  const token = flags.access ? await identity.accessToken(scopes) : await identity.idToken(audience ?? '');
  print(context, flags, { token }, token);
};

const TIMES: ReadonlySet<string> = new Set(['exp', 'iat', 'nbf']);

/** Some claims are objects: the machine, in a token of Compute Engine's metadata server. */
const claimText = (name: string, value: unknown): string => {
  if (TIMES.has(name) && typeof value === 'number') return new Date(value * 1000).toISOString();
  return typeof value === 'string' ? value : JSON.stringify(value);
};

/** `courier whoami`: which identity was found, in which way, and what its token says; never the token. */
export const whoamiCommand = async (context: Context, flags: GlobalOptions): Promise<void> => {
  const audience = audienceOf(context, flags);
  const identity = await identityOf(context, flags);
  const claims = audience === undefined ? undefined : claimsOf(await identity.idToken(audience));
  const { kind, foundBy, account, warning } = identity;
  const lines = [
    `identity: ${kind}`,
    `found by: ${foundBy}`,
    ...(account === undefined ? [] : [`account:  ${account}`]),
    ...Object.entries(claims ?? {}).map(([name, value]) => `${`${name}:`.padEnd(9)} ${claimText(name, value)}`),
    ...(claims === undefined ? ['(give --url or --audience to see what its ID token says)'] : []),
  ];
  print(context, flags, { kind, foundBy, account, warning, claims }, lines.join('\n'));
};
