import { sign } from 'node:crypto';
import { z } from 'zod';
import type { GoogleCall, GoogleService } from '../google-service.ts';
import { answering, readMessage, sendJson } from '../http/answers.ts';
import { errorInfo, rpcError } from '../http/api-error.ts';
import { authorizeRpc } from '../http/rpc-authorize.ts';
import { isScope } from '../oauth2/jwt-bearer.ts';
import type { Holder } from '../world/access-tokens.ts';
import { isAllowed } from '../world/iam.ts';
import { issueIdToken } from '../world/id-tokens.ts';
import { signJwt } from '../world/jwt.ts';
import { privateKeyOf } from '../world/keys.ts';
import { CLOUD_PLATFORM } from '../world/names.ts';
import type { ServiceAccount } from '../world/state.ts';
import type { World } from '../world/world.ts';

const SCOPES = [CLOUD_PLATFORM, 'https://www.googleapis.com/auth/iam'];
/** Longer lifetimes need an organization policy. */
const MAX_SECONDS = 3600;
/** https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt: `exp` at most 12 hours ahead. */
const MAX_SIGNED_SECONDS = 43_200;

const delegates = z.array(z.string()).optional();
const schemas = {
  generateAccessToken: z.strictObject({
    delegates,
    scope: z.array(z.string()).min(1),
    lifetime: z
      .string()
      .regex(/^\d+(\.\d+)?s$/)
      .optional(),
  }),
  generateIdToken: z.strictObject({
    delegates,
    audience: z.string().min(1),
    includeEmail: z.boolean().optional(),
    organizationNumberIncluded: z.boolean().optional(),
    useEmailAzp: z.boolean().optional(),
  }),
  signJwt: z.strictObject({ delegates, payload: z.string() }),
  signBlob: z.strictObject({ delegates, payload: z.string() }),
};
type Method = keyof typeof schemas;

const PERMISSIONS: Readonly<Record<Method, string>> = {
  generateAccessToken: 'iam.serviceAccounts.getAccessToken',
  generateIdToken: 'iam.serviceAccounts.getOpenIdToken',
  signJwt: 'iam.serviceAccounts.signJwt',
  signBlob: 'iam.serviceAccounts.signBlob',
};

const invalid = () => rpcError('INVALID_ARGUMENT', 'Request contains an invalid argument.');

const parsed = <T>(schema: z.ZodType<T>, body: unknown): T => {
  const result = schema.safeParse(body);
  if (!result.success) throw invalid();
  return result.data;
};

const denied = (permission: string) =>
  rpcError('PERMISSION_DENIED', `Permission '${permission}' denied on resource (or it may not exist).`, [
    errorInfo('IAM_PERMISSION_DENIED', 'iam.googleapis.com', { permission }),
  ]);

/** Finds an account by email or unique ID. @throws ApiError 404 with Google's message */
const accountOf = (world: World, name: string): ServiceAccount => {
  const account = world.state.serviceAccounts.find(({ email, uniqueId }) => name === email || name === uniqueId);
  if (account === undefined) throw rpcError('NOT_FOUND', `Not found; Gaia id not found for email ${name}`);
  return account;
};

/** Checks the chain of caller, delegates and target: each account needs the permission on the next one. */
const checkChain = (
  world: World,
  caller: Holder,
  names: readonly string[],
  target: ServiceAccount,
  permission: string,
): void => {
  const chain = names.map((name) => accountOf(world, name.replace(/^projects\/-\/serviceAccounts\//, '')));
  let holder = caller;
  for (const next of [...chain, target]) {
    const needed = next === target ? permission : 'iam.serviceAccounts.implicitDelegation';
    if (next.disabled || !isAllowed(world.state, holder, next.bindings, needed)) throw denied(needed);
    holder = { kind: 'serviceAccount', email: next.email, scopes: [], expiresAtMs: 0, project: world.state.project.id };
  }
};

type Answer = (world: World, account: ServiceAccount, body: unknown, nowMs: number) => Promise<object> | object;

const generateAccessToken: Answer = (world, { email }, body, nowMs) => {
  const { scope, lifetime = '3600s' } = parsed(schemas.generateAccessToken, body);
  const seconds = Number(lifetime.slice(0, -1));
  if (seconds <= 0 || seconds > MAX_SECONDS || !scope.every(isScope)) throw invalid();
  const expiresAtMs = nowMs + seconds * 1000;
  const project = world.state.project.id;
  return {
    accessToken: world.tokens.mint({ kind: 'serviceAccount', email, scopes: scope, expiresAtMs, project }),
    // Without fractions of a second, which gcloud rejects.
    expireTime: new Date(expiresAtMs).toISOString().replace(/\.\d+Z$/, 'Z'),
  };
};

const generateIdToken: Answer = (world, { email }, body, nowMs) => {
  const { audience, includeEmail = false, useEmailAzp = false } = parsed(schemas.generateIdToken, body);
  const azp = useEmailAzp ? { azp: email } : {};
  return { token: issueIdToken(world.state, nowMs, { email, audience, includeEmail, ...azp }) };
};

const claimsSchema = z.record(z.string(), z.unknown());

const signJwtOf: Answer = async (world, { email }, body, nowMs) => {
  const { payload } = parsed(schemas.signJwt, body);
  let claims: Record<string, unknown>;
  try {
    claims = claimsSchema.parse(JSON.parse(payload));
  } catch {
    throw invalid();
  }
  const exp = claims.exp ?? Math.floor(nowMs / 1000) + 3600;
  if (typeof exp !== 'number' || exp > nowMs / 1000 + MAX_SIGNED_SECONDS) throw invalid();
  const key = await world.systemKey(email);
  return {
    keyId: key.id,
    signedJwt: signJwt({ ...claims, exp }, { kid: key.id, privateKey: privateKeyOf(key.privateKeyPem) }),
  };
};

const signBlobOf: Answer = async (world, { email }, body) => {
  const { payload } = parsed(schemas.signBlob, body);
  const key = await world.systemKey(email);
  const signature = sign('sha256', Buffer.from(payload, 'base64'), privateKeyOf(key.privateKeyPem));
  return { keyId: key.id, signedBlob: signature.toString('base64') };
};

const ANSWERS: Readonly<Record<Method, Answer>> = {
  generateAccessToken,
  generateIdToken,
  signJwt: signJwtOf,
  signBlob: signBlobOf,
};

const isMethod = (name: string): name is Method => Object.hasOwn(ANSWERS, name);

async function answer(call: GoogleCall, world: World, nowMs: number): Promise<void> {
  const path = decodeURIComponent(call.url.pathname);
  const [, project = '', name = '', method = ''] =
    /^\/v1\/projects\/([^/]+)\/serviceAccounts\/([^/:]+):(\w+)$/.exec(path) ?? [];
  if (!isMethod(method) || call.method !== 'POST')
    throw rpcError('UNIMPLEMENTED', `${call.method} ${path} of IAM Credentials is not implemented.`);
  const rpc = `${method.charAt(0).toUpperCase()}${method.slice(1)}`;
  const caller = authorizeRpc(call, world, {
    title: 'IAM Service Account Credentials API',
    method: `google.iam.credentials.v1.IAMCredentials.${rpc}`,
    scopes: SCOPES,
  });
  // "The - wildcard character is required; replacing it with a project ID is invalid."
  if (project !== '-') throw invalid();
  const body = await readMessage(call.request);
  const account = accountOf(world, name);
  const { delegates: chain = [] } = parsed(schemas[method] as z.ZodType<{ delegates?: string[] | undefined }>, body);
  checkChain(world, caller, chain, account, PERMISSIONS[method]);
  sendJson(call.response, 200, await ANSWERS[method](world, account, body, nowMs));
}

/** https://cloud.google.com/iam/docs/reference/credentials/rest */
export function createIamCredentialsService(world: World, now: () => number): GoogleService {
  return {
    name: 'iamcredentials',
    hosts: ['iamcredentials.googleapis.com'],
    async handle(call) {
      if (!call.url.pathname.startsWith('/v1/projects/')) return false;
      return answering(call, () => answer(call, world, now()));
    },
  };
}
