import type { GoogleCall, GoogleService } from '../google-service.ts';
import { sendJson, sendText } from '../http/answers.ts';
import { METADATA_HOST } from '../http/routing.ts';
import { issueIdToken } from '../world/id-tokens.ts';
import type { World } from '../world/world.ts';
import { metadataKeys, SERVER_OF } from './keys.ts';

const FLAVOR = { 'metadata-flavor': 'Google' };
const ROOT = '/computeMetadata/v1/';
const TOKEN_SECONDS = 3599;

const text = ({ response }: GoogleCall, code: number, body: string): void =>
  sendText(response, code, body, { ...FLAVOR, 'content-type': 'application/text' });

/** Without a charset, because google-auth for Python (1.5) compares the whole header. */
const json = ({ response }: GoogleCall, body: unknown): void =>
  sendJson(response, 200, body, { ...FLAVOR, 'content-type': 'application/json' });

/**
 * Cloud Run's metadata server mints a token with the scopes in `?scopes=`. Those of Compute Engine and App Engine
 * flexible silently ignore the parameter, so that the error comes later, from the API.
 */
const answerToken = (call: GoogleCall, world: World, now: () => number): void => {
  const { account, honoursScopes, scopes } = world.state.metadata;
  const requested = (call.url.searchParams.get('scopes') ?? '').split(',').filter(Boolean);
  const granted = honoursScopes && requested.length > 0 ? requested : scopes;
  json(call, {
    access_token: world.tokens.mint({
      kind: 'serviceAccount',
      email: account,
      scopes: granted,
      expiresAtMs: now() + TOKEN_SECONDS * 1000,
      project: world.state.project.id,
    }),
    expires_in: TOKEN_SECONDS,
    token_type: 'Bearer',
  });
};

const answerIdentity = (call: GoogleCall, world: World, now: () => number): void => {
  const audience = call.url.searchParams.get('audience') ?? '';
  const isFull = call.url.searchParams.get('format') === 'full';
  if (audience === '') text(call, 400, 'non-empty audience parameter required\n');
  else
    text(
      call,
      200,
      issueIdToken(world.state, now(), { email: world.state.metadata.account, audience, includeEmail: isFull }),
    );
};

const accountEntry = (world: World): Record<string, unknown> => {
  const { account, scopes } = world.state.metadata;
  return { aliases: ['default'], email: account, scopes };
};

/** https://cloud.google.com/run/docs/container-contract#metadata-server and https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys */
export function createMetadataService(world: World, now: () => number): GoogleService {
  const accountLeaf = (call: GoogleCall, leaf: string): boolean => {
    const entry = accountEntry(world);
    switch (leaf) {
      case '':
        if (call.url.searchParams.get('recursive') === 'true') json(call, entry);
        else text(call, 200, 'aliases\nemail\nidentity\nscopes\ntoken\n');
        return true;
      case 'token':
        answerToken(call, world, now);
        return true;
      case 'identity':
        answerIdentity(call, world, now);
        return true;
      case 'email':
      case 'aliases':
      case 'scopes': {
        const value = entry[leaf];
        text(call, 200, Array.isArray(value) ? `${value.join('\n')}\n` : String(value));
        return true;
      }
      default:
        return false;
    }
  };

  const route = (call: GoogleCall): boolean => {
    const path = decodeURIComponent(call.url.pathname).slice(ROOT.length);
    if (path === 'instance/service-accounts/' && call.url.searchParams.get('recursive') === 'true') {
      json(call, { default: accountEntry(world), [world.state.metadata.account]: accountEntry(world) });
      return true;
    }
    const [, account, leaf = ''] = /^instance\/service-accounts\/([^/]+)\/?(.*)$/.exec(path) ?? [];
    if (account !== undefined)
      return ['default', world.state.metadata.account].includes(account) && accountLeaf(call, leaf.replace(/\/$/, ''));
    const known = metadataKeys(world);
    const value = Object.hasOwn(known, path) ? known[path] : undefined;
    if (value !== undefined) text(call, 200, value);
    return value !== undefined;
  };

  return {
    name: 'metadata',
    hosts: [METADATA_HOST],
    async handle(call) {
      const { request, response, url, method } = call;
      response.setHeader('server', SERVER_OF[world.state.metadata.platform]);
      // Protects against server-side request forgery: a plain link cannot set the header, and a proxy adds its own.
      if (request.headers['metadata-flavor'] !== 'Google' || request.headers['x-forwarded-for'] !== undefined) {
        text(call, 403, 'Missing required header "Metadata-Flavor": "Google"\n');
        return true;
      }
      if (method !== 'GET') text(call, 405, 'Method Not Allowed\n');
      else if (url.pathname === '/') text(call, 200, 'computeMetadata/\n');
      else if (!url.pathname.startsWith(ROOT) || !route(call)) text(call, 404, 'Not Found\n');
      return true;
    },
  };
}
