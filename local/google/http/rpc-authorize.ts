import type { GoogleCall } from '../google-service.ts';
import type { Holder, TokenRegistry } from '../world/access-tokens.ts';
import { bearerOf } from './answers.ts';
import { errorInfo, rpcError } from './api-error.ts';

const LOGIN =
  'Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.';

/** What an API has to know about its project and the project's tokens. */
export interface ApiWorld {
  tokens: Pick<TokenRegistry, 'holderOf'>;
  state: { readonly apis: readonly string[] };
  project: { readonly number: string };
}

/** The error for an API that is not enabled in the project, with Google's message. */
const serviceDisabled = (title: string, host: string, number: string) => {
  const address = `https://console.developers.google.com/apis/api/${host}/overview?project=${number}`;
  return rpcError(
    'PERMISSION_DENIED',
    `${title} has not been used in project ${number} before or it is disabled. Enable it by visiting ${address} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.`,
    [
      {
        '@type': 'type.googleapis.com/google.rpc.Help',
        links: [{ description: 'Google developers console API activation', url: address }],
      },
      errorInfo('SERVICE_DISABLED', 'googleapis.com', { consumer: `projects/${number}`, service: host }),
    ],
  );
};

/**
 * Authorizes the caller of a Cloud API. The checks have Google's order: credential, scope, API enablement.
 * @param api its title, and the scopes of which the token needs one
 * @throws ApiError 401, 403
 */
export function authorizeRpc(
  call: GoogleCall,
  world: ApiWorld,
  api: { title: string; method: string; scopes: readonly string[] },
): Holder {
  const { host } = call;
  const token = bearerOf(call);
  const metadata = { service: host, method: api.method };
  if (token === undefined)
    throw rpcError('UNAUTHENTICATED', `Request is missing required authentication credential. ${LOGIN}`, [
      errorInfo('CREDENTIALS_MISSING', 'googleapis.com', metadata),
    ]);
  const holder = world.tokens.holderOf(token, [host]);
  if (holder === undefined)
    throw rpcError('UNAUTHENTICATED', `Request had invalid authentication credentials. ${LOGIN}`, [
      errorInfo('ACCESS_TOKEN_TYPE_UNSUPPORTED', 'googleapis.com', metadata),
    ]);
  if (!holder.scopes.some((scope) => api.scopes.includes(scope)))
    throw rpcError('PERMISSION_DENIED', 'Request had insufficient authentication scopes.', [
      errorInfo('ACCESS_TOKEN_SCOPE_INSUFFICIENT', 'googleapis.com', metadata),
    ]);
  if (!world.state.apis.includes(host)) throw serviceDisabled(api.title, host, world.project.number);
  return holder;
}
