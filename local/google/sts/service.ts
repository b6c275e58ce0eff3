import type { GoogleCall, GoogleService } from '../google-service.ts';
import { answering, readForm, sendJson } from '../http/answers.ts';
import { oauthError } from '../http/api-error.ts';
import { isScope } from '../oauth2/jwt-bearer.ts';
import { FEDERATION } from '../world/names.ts';
import type { World } from '../world/world.ts';
import { awsSubject, type Mapped } from './aws.ts';
import { oidcSubject } from './oidc.ts';
import { isProviderName } from './resource-ids.ts';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const AWS_TYPE = 'urn:ietf:params:aws:token-type:aws4_request';
const JWT_TYPES = ['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:id_token'];
const LIFE_SECONDS = 3600;

const POOL = `iam.googleapis.com/${FEDERATION.pool}`;

/**
 * All names by which a policy can refer to the federated identity
 * (https://cloud.google.com/iam/docs/principal-identifiers).
 */
const principalsOf = ({ subject, attributes }: Mapped): string[] => [
  `principal://${POOL}/subject/${subject}`,
  `principalSet://${POOL}/*`,
  ...Object.entries(attributes).map(([name, value]) => `principalSet://${POOL}/attribute.${name}/${value}`),
];

const subjectOf = (world: World, form: ReadonlyMap<string, string>, nowMs: number): Mapped => {
  const audience = form.get('audience') ?? '';
  const token = form.get('subject_token') ?? '';
  const type = form.get('subject_token_type') ?? '';
  if (!isProviderName(audience))
    throw oauthError(
      'invalid_request',
      'Invalid value for "audience". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.',
    );
  if (audience === FEDERATION.awsProvider && type === AWS_TYPE) return awsSubject(world, token, audience, nowMs);
  if (audience === FEDERATION.oidcProvider && JWT_TYPES.includes(type))
    return oidcSubject(world, token, audience, nowMs);
  if (audience !== FEDERATION.awsProvider && audience !== FEDERATION.oidcProvider)
    throw oauthError(
      'invalid_target',
      'The target service indicated by the "audience" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn\'t exist.',
    );
  throw oauthError('invalid_request', `Invalid value for "subject_token_type".`);
};

async function exchange(call: GoogleCall, world: World, nowMs: number): Promise<void> {
  if (!world.state.apis.includes(call.host))
    throw oauthError(
      'access_denied',
      'Security Token Service API has not been used in this project before or it is disabled.',
      403,
    );
  const form = await readForm(call.request);
  if (form.get('grant_type') !== TOKEN_EXCHANGE)
    throw oauthError('unsupported_grant_type', 'Invalid value for "grant_type".');
  if (form.get('requested_token_type') !== ACCESS_TOKEN)
    throw oauthError('invalid_request', 'Invalid value for "requested_token_type".');
  const scopes = (form.get('scope') ?? '').split(' ').filter(Boolean);
  if (scopes.length === 0 || !scopes.every(isScope)) throw oauthError('invalid_scope', 'Invalid value for "scope".');
  const principals = principalsOf(subjectOf(world, form, nowMs));
  const expiresAtMs = nowMs + LIFE_SECONDS * 1000;
  sendJson(call.response, 200, {
    access_token: world.tokens.mint({
      kind: 'federated',
      principals,
      scopes,
      expiresAtMs,
      project: world.state.project.id,
    }),
    issued_token_type: ACCESS_TOKEN,
    token_type: 'Bearer',
    expires_in: LIFE_SECONDS,
  });
}

/** https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token */
export function createStsService(world: World, now: () => number): GoogleService {
  return {
    name: 'sts',
    hosts: ['sts.googleapis.com'],
    async handle(call) {
      if (call.url.pathname !== '/v1/token' || call.method !== 'POST') return false;
      return answering(call, () => exchange(call, world, now()));
    },
  };
}
