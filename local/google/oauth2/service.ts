import type { GoogleCall, GoogleService } from '../google-service.ts';
import { answering, bearerOf, readForm, sendJson } from '../http/answers.ts';
import { oauthError } from '../http/api-error.ts';
import { numericIdOf } from '../world/initial.ts';
import type { World } from '../world/world.ts';
import { answerAuthorization } from './authorization.ts';
import { sendJwks, sendPems } from './certs.ts';
import { authorizationCodes } from './refresh.ts';
import { answerToken } from './token.ts';

const parameterOf = async (call: GoogleCall, name: string): Promise<string> =>
  call.url.searchParams.get(name) ??
  (call.method === 'POST' ? (await readForm(call.request)).get(name) : undefined) ??
  '';

const answerTokenInfo = async (call: GoogleCall, world: World, nowMs: number): Promise<void> => {
  const holder = world.tokens.holderOf(bearerOf(call) ?? (await parameterOf(call, 'access_token')), []);
  if (holder === undefined || holder.kind === 'federated') throw oauthError('invalid_token', 'Invalid Value');
  const sub = numericIdOf(holder.email);
  const azp = holder.clientId ?? sub;
  sendJson(call.response, 200, {
    azp,
    aud: azp,
    sub,
    scope: holder.scopes.join(' '),
    exp: String(Math.floor(holder.expiresAtMs / 1000)),
    expires_in: String(Math.floor((holder.expiresAtMs - nowMs) / 1000)),
    email: holder.email,
    email_verified: 'true',
    access_type: holder.kind === 'user' ? 'offline' : 'online',
  });
};

const answerRevoke = async (call: GoogleCall, world: World): Promise<void> => {
  const token = await parameterOf(call, 'token');
  const refresh = world.state.refreshTokens.find((each) => each.token === token && !each.revoked);
  if (refresh !== undefined) {
    refresh.revoked = true;
    world.save();
  } else if (world.tokens.isKnown(token)) world.tokens.revoke(token);
  else throw oauthError('invalid_token', 'Token expired or revoked');
  sendJson(call.response, 200, {});
};

/** Tokens, keys and consent: oauth2.googleapis.com, accounts.google.com, and the key sets of www.googleapis.com and www.gstatic.com. */
export function createOauth2Service(world: World, now: () => number): GoogleService {
  const codes = authorizationCodes(world, now);
  const { state } = world;

  const routes: Readonly<Record<string, (call: GoogleCall) => Promise<void> | void>> = {
    'POST oauth2.googleapis.com/token': (call) => answerToken(call, world, codes, now),
    'POST www.googleapis.com/oauth2/v4/token': (call) => answerToken(call, world, codes, now),
    'POST accounts.google.com/o/oauth2/token': (call) => answerToken(call, world, codes, now),
    'GET oauth2.googleapis.com/tokeninfo': (call) => answerTokenInfo(call, world, now()),
    'POST oauth2.googleapis.com/tokeninfo': (call) => answerTokenInfo(call, world, now()),
    'POST oauth2.googleapis.com/revoke': (call) => answerRevoke(call, world),
    'GET accounts.google.com/o/oauth2/v2/auth': (call) => answerAuthorization(call, world, codes),
    'GET accounts.google.com/o/oauth2/auth': (call) => answerAuthorization(call, world, codes),
    'GET www.googleapis.com/oauth2/v3/certs': (call) => sendJwks(call, state.signingKeys, 'RS256'),
    'GET www.googleapis.com/oauth2/v1/certs': (call) => sendPems(call, state.signingKeys),
    'GET www.gstatic.com/iap/verify/public_key-jwk': (call) => sendJwks(call, state.iapKeys, 'ES256'),
    'GET www.gstatic.com/iap/verify/public_key': (call) => sendPems(call, state.iapKeys),
  };

  return {
    name: 'oauth2',
    hosts: ['oauth2.googleapis.com', 'accounts.google.com', 'www.googleapis.com', 'www.gstatic.com'],
    async handle(call) {
      const path = `${call.host}${call.url.pathname}`;
      const [, email] =
        /^www\.googleapis\.com\/(?:robot|service_accounts)\/v1\/metadata\/x509\/([^/]+)$/.exec(path) ?? [];
      if (email !== undefined && call.method === 'GET') {
        const account = state.serviceAccounts.find((each) => each.email === decodeURIComponent(email));
        if (account === undefined) return false;
        sendPems(call, [...account.keys, ...(account.systemKey === undefined ? [] : [account.systemKey])]);
        return true;
      }
      const route = routes[`${call.method} ${path}`];
      return route === undefined ? false : answering(call, () => route(call));
    },
  };
}
