import { z } from 'zod';
import type { GoogleCall, GoogleService } from '../google-service.ts';
import { answering, readMessage, sendJson } from '../http/answers.ts';
import { rpcError } from '../http/api-error.ts';
import { authorizeRpc } from '../http/rpc-authorize.ts';
import { isAllowed, isOwner } from '../world/iam.ts';
import { CLOUD_PLATFORM } from '../world/names.ts';
import type { World } from '../world/world.ts';
import { accessVersion, crc32cOf, secretOf, secretResource, versionOf, versionResource } from './versions.ts';

/** https://cloud.google.com/secret-manager/quotas#content_limits */
const MAX_PAYLOAD_BYTES = 65_536;

const addSchema = z.strictObject({
  payload: z.strictObject({
    data: z.string().optional(),
    dataCrc32c: z.union([z.string(), z.number()]).optional(),
  }),
});
const createSchema = z.looseObject({ replication: z.looseObject({}) });
const etagSchema = z.strictObject({ name: z.string().optional(), etag: z.string().optional() });

const parsed = <T>(schema: z.ZodType<T>, body: unknown): T => {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw rpcError('INVALID_ARGUMENT', `Invalid value at '${issue?.path.join('.') ?? ''}': ${issue?.message ?? ''}`);
};

interface RequestedSecret {
  call: GoogleCall;
  world: World;
  /** The secret and the version in the path. */
  secret: string;
  version: string;
}

interface Route {
  method: string;
  pattern: RegExp;
  permission: string;
  rpc: string;
  answer(requested: RequestedSecret): Promise<object> | object;
}

const setState =
  (state: 'ENABLED' | 'DISABLED' | 'DESTROYED') =>
  async ({ call, world, secret, version }: RequestedSecret): Promise<object> => {
    parsed(etagSchema, await readMessage(call.request));
    const found = versionOf(world, secret, version);
    if (found.version.state === 'DESTROYED')
      throw rpcError('FAILED_PRECONDITION', `Secret Version is in DESTROYED state.`);
    world.secrets.setState(secret, found.number, state);
    return versionResource(world, secret, found.number);
  };

const addVersion = async ({ call, world, secret }: RequestedSecret): Promise<object> => {
  const { payload } = parsed(addSchema, await readMessage(call.request));
  secretOf(world, secret);
  const bytes = Buffer.from(payload.data ?? '', 'base64');
  if (bytes.length === 0 || bytes.length > MAX_PAYLOAD_BYTES)
    throw rpcError('INVALID_ARGUMENT', `The secret payload must be between 1 and ${MAX_PAYLOAD_BYTES} bytes.`);
  if (payload.dataCrc32c !== undefined && String(payload.dataCrc32c) !== crc32cOf(bytes))
    throw rpcError('INVALID_ARGUMENT', 'The checksum in the request does not match the data.');
  return versionResource(world, secret, world.secrets.addVersion(secret, bytes));
};

const createSecret = async ({ call, world }: RequestedSecret): Promise<object> => {
  const name = call.url.searchParams.get('secretId') ?? '';
  parsed(createSchema, await readMessage(call.request));
  if (!/^[\w-]{1,255}$/.test(name)) throw rpcError('INVALID_ARGUMENT', 'The provided Secret ID is invalid.');
  if (world.secrets.find(name) !== undefined) throw rpcError('ALREADY_EXISTS', `Secret [${name}] already exists.`);
  world.secrets.create(name);
  return secretResource(world, name);
};

const listVersions = ({ world, secret }: RequestedSecret): object => {
  const { versions } = secretOf(world, secret);
  const numbers = versions.map((_, index) => versions.length - index);
  return { versions: numbers.map((number) => versionResource(world, secret, number)), totalSize: numbers.length };
};

const listSecrets = ({ world }: RequestedSecret): object => {
  const names = Object.keys(world.state.secrets);
  return { secrets: names.map((name) => secretResource(world, name)), totalSize: names.length };
};

const PROJECT = '^/v1/projects/(?<project>[^/]+)';
const SECRET = `${PROJECT}/secrets/(?<secret>[^/:]+)`;
const VERSION = `${SECRET}/versions/(?<version>[^/:]+)`;
const route = (method: string, pattern: string, permission: string, rpc: string, answer: Route['answer']): Route => ({
  method,
  pattern: new RegExp(`${pattern}$`),
  permission: `secretmanager.${permission}`,
  rpc,
  answer,
});

/** https://cloud.google.com/secret-manager/docs/reference/rest */
const ROUTES: readonly Route[] = [
  route('GET', `${VERSION}:access`, 'versions.access', 'AccessSecretVersion', ({ world, secret, version }) =>
    accessVersion(world, secret, version),
  ),
  route('GET', VERSION, 'versions.get', 'GetSecretVersion', ({ world, secret, version }) =>
    versionResource(world, secret, versionOf(world, secret, version).number),
  ),
  route('GET', `${SECRET}/versions`, 'versions.list', 'ListSecretVersions', listVersions),
  route('POST', `${SECRET}:addVersion`, 'versions.add', 'AddSecretVersion', addVersion),
  route('POST', `${VERSION}:enable`, 'versions.enable', 'EnableSecretVersion', setState('ENABLED')),
  route('POST', `${VERSION}:disable`, 'versions.disable', 'DisableSecretVersion', setState('DISABLED')),
  route('POST', `${VERSION}:destroy`, 'versions.destroy', 'DestroySecretVersion', setState('DESTROYED')),
  route('GET', SECRET, 'secrets.get', 'GetSecret', ({ world, secret }) => secretResource(world, secret)),
  route('GET', `${PROJECT}/secrets`, 'secrets.list', 'ListSecrets', listSecrets),
  route('POST', `${PROJECT}/secrets`, 'secrets.create', 'CreateSecret', createSecret),
];

const authorized = (
  call: GoogleCall,
  world: World,
  { rpc, permission }: Route,
  names: Record<string, string>,
): void => {
  const holder = authorizeRpc(call, world, {
    title: 'Secret Manager API',
    method: `google.cloud.secretmanager.v1.SecretManagerService.${rpc}`,
    scopes: [CLOUD_PLATFORM],
  });
  const resource = call.url.pathname.slice('/v1/'.length).replace(/(\/versions)?(:[a-zA-Z]+)?$/, '');
  const isHere = new Set<string>([world.project.id, world.project.number]).has(names.project ?? '');
  const bindings = [...world.state.bindings, ...(world.secrets.find(names.secret ?? '')?.bindings ?? [])];
  // A caller without access does not learn whether the secret exists.
  if (!isHere || !(isOwner(world.state, holder) || isAllowed(world.state, holder, bindings, permission)))
    throw rpcError(
      'PERMISSION_DENIED',
      `Permission '${permission}' denied for resource '${resource}' (or it may not exist).`,
    );
};

export function createSecretManagerService(world: World): GoogleService {
  return {
    name: 'secretmanager',
    hosts: ['secretmanager.googleapis.com'],
    async handle(call) {
      const path = decodeURIComponent(call.url.pathname);
      if (!path.startsWith('/v1/projects/')) return false;
      return answering(call, async () => {
        for (const each of ROUTES) {
          const names = call.method === each.method ? each.pattern.exec(path)?.groups : undefined;
          if (names === undefined) continue;
          authorized(call, world, each, names);
          const { secret = '', version = '' } = names;
          return sendJson(call.response, 200, await each.answer({ call, world, secret, version }));
        }
        throw rpcError('UNIMPLEMENTED', `${call.method} ${path} of Secret Manager is not implemented.`);
      });
    },
  };
}
