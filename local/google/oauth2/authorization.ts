import type { GoogleCall } from '../google-service.ts';
import { sendText } from '../http/answers.ts';
import { ApiError } from '../http/api-error.ts';
import type { World } from '../world/world.ts';
import { isScope } from './jwt-bearer.ts';
import type { AuthorizationCodes } from './refresh.ts';

const refuse = (text: string): ApiError => new ApiError(400, text, text);

/** Installed apps redirect to loopback, any port (https://developers.google.com/identity/protocols/oauth2/native-app#redirect-uri_loopback). */
const isLoopback = (address: string): boolean => {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
};

/** The consent page, without a form: the person is Alice or the `login_hint`, and consents at once. */
export function answerAuthorization(call: GoogleCall, world: World, codes: AuthorizationCodes): void {
  const { searchParams } = call.url;
  const clientId = searchParams.get('client_id') ?? '';
  const redirectUri = searchParams.get('redirect_uri') ?? '';
  const scopes = (searchParams.get('scope') ?? '').split(' ').filter(Boolean);
  const email = searchParams.get('login_hint') ?? world.emails.alice;
  if (!world.state.oauthClients.some(({ id }) => id === clientId))
    throw refuse('Error 401: invalid_client\nThe OAuth client was not found.\n');
  if (!isLoopback(redirectUri)) throw refuse('Error 400: redirect_uri_mismatch\n');
  if (searchParams.get('response_type') !== 'code') throw refuse('Error 400: unsupported_response_type\n');
  if (scopes.length === 0 || !scopes.every(isScope)) throw refuse('Error 400: invalid_scope\n');
  if (!world.state.users.some((user) => user.email === email)) throw refuse('Error 400: no such account\n');
  const code = codes.issue({
    clientId,
    redirectUri,
    scopes,
    email,
    challenge: searchParams.get('code_challenge') ?? undefined,
    method: searchParams.get('code_challenge_method') ?? 'plain',
    // Desktop clients always get a refresh token, web clients with access_type=offline.
    offline: searchParams.get('access_type') !== 'online',
  });
  const back = new URL(redirectUri);
  const state = searchParams.get('state');
  if (state !== null) back.searchParams.set('state', state);
  back.searchParams.set('code', code);
  back.searchParams.set('scope', scopes.join(' '));
  sendText(call.response, 302, '', { location: back.href });
}
