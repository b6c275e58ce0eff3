import { z } from 'zod';
import type { GoogleCall } from '../google-service.ts';
import { type AdminAction, adminActionOf, createAdminRoutes, present } from '../http/admin-routes.ts';
import { PLATFORMS } from './state.ts';
import type { World } from './world.ts';

const action = adminActionOf<World>();

const email = z.string();
const claims = z.record(z.string(), z.unknown()).optional();
const name = z.string();
const version = z.int().min(1);
const nothing = z.strictObject({});

/** The methods of World by name, for tests in another process. */
const ACTIONS: Readonly<Record<string, AdminAction<World>>> = {
  enableApi: action(z.strictObject({ api: z.string() }), (world, { api }) => world.enableApi(api)),
  disableApi: action(z.strictObject({ api: z.string() }), (world, { api }) => world.disableApi(api)),
  addUser: action(z.strictObject({ email }), (world, input) => ({ sub: world.addUser(input.email) })),
  removeUser: action(z.strictObject({ email }), (world, input) => world.removeUser(input.email)),
  addServiceAccount: action(z.strictObject({ email }), (world, input) => {
    const { uniqueId } = world.addServiceAccount(input.email);
    return { email: input.email, uniqueId };
  }),
  setServiceAccountDisabled: action(z.strictObject({ email, disabled: z.boolean() }), (world, input) =>
    world.setServiceAccountDisabled(input.email, input.disabled),
  ),
  addKey: action(z.strictObject({ email }), (world, input) => world.addKey(input.email)),
  deleteKey: action(z.strictObject({ email, keyId: z.string().optional() }), (world, input) =>
    world.deleteKey(input.email, input.keyId),
  ),
  setKeyDisabled: action(
    z.strictObject({ email, disabled: z.boolean(), keyId: z.string().optional() }),
    (world, input) => world.setKeyDisabled(input.email, input.disabled, input.keyId),
  ),
  delegate: action(z.strictObject({ email, scopes: z.array(z.string()) }), (world, input) =>
    world.delegate(input.email, input.scopes),
  ),
  grant: action(z.strictObject({ target: email, member: z.string(), role: z.string().optional() }), (world, input) =>
    world.grant(input.target, input.member, input.role),
  ),
  revokeGrant: action(z.strictObject({ target: email, member: z.string() }), (world, input) =>
    world.revokeGrant(input.target, input.member),
  ),
  grantOnProject: action(z.strictObject({ member: z.string(), role: z.string() }), (world, input) =>
    world.grantOnProject(input.member, input.role),
  ),
  revokeRefreshToken: action(z.strictObject({ email }), (world, input) => world.revokeRefreshToken(input.email)),
  addSecretVersion: action(z.strictObject({ name, data: z.base64() }), (world, input) => ({
    version: world.secrets.addVersion(input.name, Buffer.from(input.data, 'base64')),
  })),
  setSecretState: action(
    z.strictObject({ name, version, state: z.enum(['ENABLED', 'DISABLED', 'DESTROYED']) }),
    (world, input) => world.secrets.setState(input.name, input.version, input.state),
  ),
  corruptSecret: action(z.strictObject({ name, version }), (world, input) =>
    world.secrets.corrupt(input.name, input.version),
  ),
  setSecretAlias: action(z.strictObject({ name, alias: z.string(), version }), (world, input) =>
    world.secrets.setAlias(input.name, input.alias, input.version),
  ),
  allowSecret: action(z.strictObject({ name, email }), (world, input) => world.secrets.allow(input.name, input.email)),
  denySecret: action(z.strictObject({ name, email }), (world, input) => world.secrets.deny(input.name, input.email)),
  setMetadata: action(
    z.strictObject({
      account: z.string().optional(),
      honoursScopes: z.boolean().optional(),
      scopes: z.array(z.string()).optional(),
      platform: z.enum(PLATFORMS).optional(),
    }),
    (world, input) => world.setMetadata(present(input)),
  ),
  rotateSigningKeys: action(nothing, (world) => world.rotateSigningKeys()),
  expireAccessTokens: action(nothing, (world) => world.expireAccessTokens()),
  idToken: action(
    z.strictObject({
      email,
      audience: z.string(),
      includeEmail: z.boolean().optional(),
      lifetimeSeconds: z.int().optional(),
      claims,
    }),
    (world, input) => ({ token: world.idToken(present(input)) }),
  ),
  iapToken: action(z.strictObject({ email, audience: z.string(), claims }), (world, input) => ({
    token: world.iapToken(present(input)),
  })),
  oidcToken: action(z.strictObject({ claims }), (world, input) => ({ token: world.oidcToken(input.claims) })),
  accessToken: action(z.strictObject({ email, scopes: z.array(z.string()) }), (world, input) => ({
    token: world.accessToken(input.email, input.scopes),
  })),
};

/** Routes `POST /_admin/ACTION` with a JSON object. */
export const createWorldAdminRoutes = (world: World): ((call: GoogleCall) => Promise<boolean>) =>
  createAdminRoutes(world, ACTIONS);
