import { z } from 'zod';
import type { GoogleCall } from '../google-service.ts';
import { type AdminAction, adminActionOf, createAdminRoutes, present } from '../http/admin-routes.ts';
import { PLATFORMS } from './state.ts';
import type { World } from './world.ts';

const verb = adminActionOf<World>();

const email = z.string();
const claims = z.record(z.string(), z.unknown()).optional();
const name = z.string();
const version = z.int().min(1);
const nothing = z.strictObject({});

/** The world's mutators by name, for those who are in another process. */
const ACTIONS: Readonly<Record<string, AdminAction<World>>> = {
  enableApi: verb(z.strictObject({ api: z.string() }), (world, { api }) => world.enableApi(api)),
  disableApi: verb(z.strictObject({ api: z.string() }), (world, { api }) => world.disableApi(api)),
  addUser: verb(z.strictObject({ email }), (world, input) => ({ sub: world.addUser(input.email) })),
  removeUser: verb(z.strictObject({ email }), (world, input) => world.removeUser(input.email)),
  addServiceAccount: verb(z.strictObject({ email }), (world, input) => {
    const { uniqueId } = world.addServiceAccount(input.email);
    return { email: input.email, uniqueId };
  }),
  setServiceAccountDisabled: verb(z.strictObject({ email, disabled: z.boolean() }), (world, input) =>
    world.setServiceAccountDisabled(input.email, input.disabled),
  ),
  addKey: verb(z.strictObject({ email }), (world, input) => world.addKey(input.email)),
  deleteKey: verb(z.strictObject({ email, keyId: z.string().optional() }), (world, input) =>
    world.deleteKey(input.email, input.keyId),
  ),
  setKeyDisabled: verb(z.strictObject({ email, disabled: z.boolean(), keyId: z.string().optional() }), (world, input) =>
    world.setKeyDisabled(input.email, input.disabled, input.keyId),
  ),
  delegate: verb(z.strictObject({ email, scopes: z.array(z.string()) }), (world, input) =>
    world.delegate(input.email, input.scopes),
  ),
  grant: verb(z.strictObject({ target: email, member: z.string(), role: z.string().optional() }), (world, input) =>
    world.grant(input.target, input.member, input.role),
  ),
  revokeGrant: verb(z.strictObject({ target: email, member: z.string() }), (world, input) =>
    world.revokeGrant(input.target, input.member),
  ),
  grantOnProject: verb(z.strictObject({ member: z.string(), role: z.string() }), (world, input) =>
    world.grantOnProject(input.member, input.role),
  ),
  revokeRefreshToken: verb(z.strictObject({ email }), (world, input) => world.revokeRefreshToken(input.email)),
  addSecretVersion: verb(z.strictObject({ name, data: z.base64() }), (world, input) => ({
    version: world.secrets.addVersion(input.name, Buffer.from(input.data, 'base64')),
  })),
  setSecretState: verb(
    z.strictObject({ name, version, state: z.enum(['ENABLED', 'DISABLED', 'DESTROYED']) }),
    (world, input) => world.secrets.setState(input.name, input.version, input.state),
  ),
  corruptSecret: verb(z.strictObject({ name, version }), (world, input) =>
    world.secrets.corrupt(input.name, input.version),
  ),
  setSecretAlias: verb(z.strictObject({ name, alias: z.string(), version }), (world, input) =>
    world.secrets.setAlias(input.name, input.alias, input.version),
  ),
  allowSecret: verb(z.strictObject({ name, email }), (world, input) => world.secrets.allow(input.name, input.email)),
  denySecret: verb(z.strictObject({ name, email }), (world, input) => world.secrets.deny(input.name, input.email)),
  setMetadata: verb(
    z.strictObject({
      account: z.string().optional(),
      honoursScopes: z.boolean().optional(),
      scopes: z.array(z.string()).optional(),
      platform: z.enum(PLATFORMS).optional(),
    }),
    (world, input) => world.setMetadata(present(input)),
  ),
  rotateSigningKeys: verb(nothing, (world) => world.rotateSigningKeys()),
  expireAccessTokens: verb(nothing, (world) => world.expireAccessTokens()),
  idToken: verb(
    z.strictObject({
      email,
      audience: z.string(),
      includeEmail: z.boolean().optional(),
      lifetimeSeconds: z.int().optional(),
      claims,
    }),
    (world, input) => ({ token: world.idToken(present(input)) }),
  ),
  iapToken: verb(z.strictObject({ email, audience: z.string(), claims }), (world, input) => ({
    token: world.iapToken(present(input)),
  })),
  oidcToken: verb(z.strictObject({ claims }), (world, input) => ({ token: world.oidcToken(input.claims) })),
  accessToken: verb(z.strictObject({ email, scopes: z.array(z.string()) }), (world, input) => ({
    token: world.accessToken(input.email, input.scopes),
  })),
};

/** `POST /_admin/VERB` with a JSON object. */
export const createWorldAdminRoutes = (world: World): ((call: GoogleCall) => Promise<boolean>) =>
  createAdminRoutes(world, ACTIONS);
