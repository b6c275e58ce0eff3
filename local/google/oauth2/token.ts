import type { GoogleCall } from '../google-service.ts';
import { readForm, sendJson } from '../http/answers.ts';
import { oauthError } from '../http/api-error.ts';
import { issueIdToken } from '../world/id-tokens.ts';
import type { World } from '../world/world.ts';
import { readAssertion } from './jwt-bearer.ts';
import { type AuthorizationCodes, type Consent, useRefreshToken } from './refresh.ts';

const LIFE_SECONDS = 3599;
const NO_STORE = { 'cache-control': 'no-cache, no-store, max-age=0, must-revalidate', pragma: 'no-cache' };

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const forPerson = (world: World, nowMs: number, consent: Consent): Record<string, unknown> => {
  const { email, scopes, clientId, refreshToken } = consent;
  const expiresAtMs = nowMs + LIFE_SECONDS * 1000;
  const project = world.state.project.id;
  const wantsIdentity = scopes.includes('openid');
  const includeEmail = scopes.some((scope) => /^email$|\/userinfo\.email$/.test(scope));
  return {
    access_token: world.tokens.mint({ kind: 'user', email, scopes, expiresAtMs, project, clientId }),
    expires_in: LIFE_SECONDS,
    refresh_token: refreshToken,
    scope: scopes.join(' '),
    token_type: 'Bearer',
    ...(wantsIdentity
      ? { id_token: issueIdToken(world.state, nowMs, { email, audience: clientId, azp: clientId, includeEmail }) }
      : {}),
  };
};

const forAssertion = (world: World, nowMs: number, assertion: string, localTokenUri: string): object => {
  const request = readAssertion(world, assertion, nowMs, localTokenUri);
  if (request.wants === 'idToken') {
    // The token endpoint always includes the email. The metadata server and IAM Credentials include it on request.
    const { email } = request.account;
    return { id_token: issueIdToken(world.state, nowMs, { email, audience: request.audience, includeEmail: true }) };
  }
  const { email, scopes, account } = request;
  const expiresAtMs = nowMs + LIFE_SECONDS * 1000;
  const kind = email === account.email ? 'serviceAccount' : 'user';
  return {
    access_token: world.tokens.mint({ kind, email, scopes, expiresAtMs, project: world.state.project.id }),
    expires_in: LIFE_SECONDS,
    token_type: 'Bearer',
  };
};

/** `POST /token`: https://developers.google.com/identity/protocols/oauth2/service-account#httprest and …/web-server#offline. */
export async function answerToken(
  call: GoogleCall,
  world: World,
  codes: AuthorizationCodes,
  now: () => number,
): Promise<void> {
  const form = await readForm(call.request);
  const grantType = form.get('grant_type');
  const answer = (): object => {
    switch (grantType) {
      case JWT_BEARER: {
        const assertion = form.get('assertion');
        if (!assertion) throw oauthError('invalid_request', 'Missing required parameter: assertion');
        return forAssertion(world, now(), assertion, `${call.origin}/oauth2.googleapis.com/token`);
      }
      case 'refresh_token':
        return forPerson(world, now(), useRefreshToken(world, form));
      case 'authorization_code':
        return forPerson(world, now(), codes.redeem(form));
      case undefined:
        throw oauthError('invalid_request', 'Missing required parameter: grant_type');
      default:
        throw oauthError('unsupported_grant_type', `Invalid grant_type: ${grantType}`);
    }
  };
  sendJson(call.response, 200, answer(), NO_STORE);
}
