import { createHash, randomBytes } from 'node:crypto';
import { oauthError } from '../http/api-error.ts';
import type { World } from '../world/world.ts';

export type Form = ReadonlyMap<string, string>;

/** The grant of a person's consent. */
export interface Consent {
  email: string;
  scopes: string[];
  clientId: string;
  refreshToken?: string;
}

/** @throws ApiError 401 `invalid_client` */
function checkClient(world: World, form: Form): string {
  const client = world.state.oauthClients.find(({ id }) => id === form.get('client_id'));
  if (client === undefined) throw oauthError('invalid_client', 'The OAuth client was not found.', 401);
  if (client.secret !== form.get('client_secret'))
    throw oauthError('invalid_client', 'The provided client secret is invalid.', 401);
  return client.id;
}

/** @throws ApiError 400 `invalid_grant` */
export function useRefreshToken(world: World, form: Form): Consent {
  const clientId = checkClient(world, form);
  const wanted = form.get('refresh_token');
  if (wanted === undefined) throw oauthError('invalid_request', 'Missing required parameter: refresh_token');
  const known = world.state.refreshTokens.find(({ token }) => token === wanted);
  if (known === undefined || known.clientId !== clientId) throw oauthError('invalid_grant', 'Bad Request');
  if (known.revoked) throw oauthError('invalid_grant', 'Token has been expired or revoked.');
  const narrower = form.get('scope')?.split(' ').filter(Boolean) ?? [];
  if (!narrower.every((scope) => known.scopes.includes(scope))) throw oauthError('invalid_scope', 'Bad Request');
  return { email: known.email, scopes: narrower.length > 0 ? narrower : known.scopes, clientId };
}

interface Code {
  clientId: string;
  redirectUri: string;
  scopes: string[];
  email: string;
  challenge: string | undefined;
  method: string;
  offline: boolean;
  expiresAtMs: number;
}

export interface AuthorizationCodes {
  issue(code: Omit<Code, 'expiresAtMs'>): string;
  /** Redeems an authorization code, which works once. @throws ApiError 400 `invalid_grant` */
  redeem(form: Form): Consent;
}

const CODE_LIFE_MS = 10 * 60_000;

const answersChallenge = ({ challenge, method }: Code, verifier: string): boolean =>
  challenge === (method === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier);

export function authorizationCodes(world: World, now: () => number): AuthorizationCodes {
  const codes = new Map<string, Code>();
  return {
    issue(code) {
      for (const [name, { expiresAtMs }] of codes) if (expiresAtMs <= now()) codes.delete(name);
      const name = `4/${randomBytes(36).toString('base64url')}`;
      codes.set(name, { ...code, expiresAtMs: now() + CODE_LIFE_MS });
      return name;
    },
    redeem(form) {
      const clientId = checkClient(world, form);
      const name = form.get('code') ?? '';
      const code = codes.get(name);
      codes.delete(name);
      if (code === undefined || code.expiresAtMs <= now() || code.clientId !== clientId)
        throw oauthError('invalid_grant', 'Malformed auth code.');
      if (form.get('redirect_uri') !== code.redirectUri) throw oauthError('redirect_uri_mismatch', 'Bad Request');
      if (code.challenge !== undefined) {
        const verifier = form.get('code_verifier');
        if (verifier === undefined) throw oauthError('invalid_grant', 'Missing code verifier.');
        if (!answersChallenge(code, verifier)) throw oauthError('invalid_grant', 'Invalid code verifier.');
      }
      const consent: Consent = { email: code.email, scopes: code.scopes, clientId };
      if (code.offline) {
        consent.refreshToken = `1//${randomBytes(48).toString('base64url')}`;
        world.state.refreshTokens.push({
          token: consent.refreshToken,
          clientId,
          email: code.email,
          scopes: code.scopes,
          revoked: false,
        });
        world.save();
      }
      return consent;
    },
  };
}
