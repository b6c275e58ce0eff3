import { failure } from '../errors.ts';
import { CLOUD_PLATFORM } from '../identity/identity.ts';
import { claimsOf } from '../token-claims.ts';
import { type Context, findIdentity, type GlobalOptions, openSession, print } from './context.ts';

export interface TokenFlags extends GlobalOptions {
  access?: boolean;
  scopes?: string[];
}

/** `courier token`: prints an ID token for the courier, or with --access an access token for Google's APIs. */
export const tokenCommand = async (context: Context, flags: TokenFlags): Promise<void> => {
  if (flags.scopes !== undefined && !flags.access) {
    throw failure('usage', { detail: '--scopes requires --access. An ID token has an audience and no scopes.' });
  }
  const session = await openSession(context, flags);
  const audience = session.settings.audience?.value;
  if (!flags.access && audience === undefined) {
    throw failure('usage', { detail: 'Missing audience of the token. Pass --audience or --url, or set COURIER_URL.' });
  }
  const identity = await findIdentity(context, flags, session);
  const scopes = (flags.scopes ?? [CLOUD_PLATFORM]).flatMap((each) => each.split(',')).filter(Boolean);
  const token = flags.access ? await identity.accessToken(scopes) : await identity.idToken(audience ?? '');
  print(context, flags, { token }, token);
};

const TIMES: ReadonlySet<string> = new Set(['exp', 'iat', 'nbf']);

/** Some claims are objects, such as the machine in a token of Compute Engine's metadata server. */
const claimText = (name: string, value: unknown): string => {
  if (TIMES.has(name) && typeof value === 'number') return new Date(value * 1000).toISOString();
  return typeof value === 'string' ? value : JSON.stringify(value);
};

/** `courier whoami`: prints the identity, where it was found, and the claims of its ID token, but never the token. */
export const whoamiCommand = async (context: Context, flags: GlobalOptions): Promise<void> => {
  const session = await openSession(context, flags);
  const audience = session.settings.audience?.value;
  const identity = await findIdentity(context, flags, session);
  const claims = audience === undefined ? undefined : claimsOf(await identity.idToken(audience));
  const { kind, foundBy, account, warning } = identity;
  const lines = [
    `identity: ${kind}`,
    `found by: ${foundBy}`,
    ...(account === undefined ? [] : [`account:  ${account}`]),
    ...Object.entries(claims ?? {}).map(([name, value]) => `${`${name}:`.padEnd(9)} ${claimText(name, value)}`),
    ...(claims === undefined ? ['(pass --url or --audience to see the claims of its ID token)'] : []),
  ];
  print(context, flags, { kind, foundBy, account, warning, claims }, lines.join('\n'));
};
