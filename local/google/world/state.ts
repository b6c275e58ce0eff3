import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const keySchema = z.strictObject({ id: z.string(), privateKeyPem: z.string(), disabled: z.boolean() });

const bindingSchema = z.strictObject({ role: z.string(), member: z.string() });

const serviceAccountSchema = z.strictObject({
  email: z.string(),
  /** 21 digits: `sub` of its ID tokens, and the client id that delegation is granted to. */
  uniqueId: z.string(),
  disabled: z.boolean(),
  keys: z.array(keySchema),
  /** Google's own key of the account, which signJwt and signBlob use. */
  systemKey: keySchema.optional(),
  /** Scopes that the Workspace administrator granted domain-wide. */
  delegatedScopes: z.array(z.string()),
  /** Who may act as it. */
  bindings: z.array(bindingSchema),
});

const versionSchema = z.strictObject({
  state: z.enum(['ENABLED', 'DISABLED', 'DESTROYED']),
  createTime: z.string(),
  destroyTime: z.string().optional(),
  /** Base64. */
  data: z.string(),
  /** Set by a test: the checksum no longer fits the bytes. */
  corrupt: z.boolean(),
});

const secretSchema = z.strictObject({
  createTime: z.string(),
  versions: z.array(versionSchema),
  aliases: z.record(z.string(), z.int()),
  bindings: z.array(bindingSchema),
});

export const PLATFORMS = ['cloud-run', 'compute-engine', 'gke'] as const;

const stateSchema = z.strictObject({
  format: z.literal(1),
  project: z.strictObject({ id: z.string(), number: z.string() }),
  apis: z.array(z.string()),
  owners: z.array(z.string()),
  /** Roles on the whole project. */
  bindings: z.array(bindingSchema),
  users: z.array(z.strictObject({ email: z.string(), displayName: z.string(), sub: z.string() })),
  groups: z.array(z.strictObject({ email: z.string(), members: z.array(z.string()) })),
  serviceAccounts: z.array(serviceAccountSchema),
  oauthClients: z.array(z.strictObject({ id: z.string(), secret: z.string() })),
  refreshTokens: z.array(
    z.strictObject({
      token: z.string(),
      clientId: z.string(),
      email: z.string(),
      scopes: z.array(z.string()),
      revoked: z.boolean(),
    }),
  ),
  /** Of ID tokens: the first one signs, all are published. */
  signingKeys: z.array(keySchema),
  iapKeys: z.array(keySchema),
  /** Seals access tokens; base64. */
  sealingKey: z.string(),
  /** Access tokens minted before this are dead; epoch milliseconds. */
  tokensValidFromMs: z.number(),
  revokedAccessTokens: z.array(z.string()),
  secrets: z.record(z.string(), secretSchema),
  awsIdentities: z.array(
    z.strictObject({
      accessKeyId: z.string(),
      secretAccessKey: z.string(),
      sessionToken: z.string().optional(),
      arn: z.string(),
      account: z.string(),
      userId: z.string(),
    }),
  ),
  oidcIssuer: z.strictObject({ issuer: z.string(), key: keySchema }),
  metadata: z.strictObject({
    account: z.string(),
    honoursScopes: z.boolean(),
    scopes: z.array(z.string()),
    /** Whose metadata server it is. */
    platform: z.enum(PLATFORMS).default('cloud-run'),
  }),
});

export type WorldState = z.infer<typeof stateSchema>;
export type ServiceAccount = z.infer<typeof serviceAccountSchema>;
export type ServiceAccountKey = z.infer<typeof keySchema>;
export type Binding = z.infer<typeof bindingSchema>;
export type Secret = z.infer<typeof secretSchema>;
export type SecretVersion = z.infer<typeof versionSchema>;

const pathIn = (dataDir: string): string => join(dataDir, 'world.json');

/** What an earlier run left in the folder; undefined when there is nothing. @throws when the file is not a world */
export function loadState(dataDir: string): WorldState | undefined {
  let text: string;
  try {
    text = readFileSync(pathIn(dataDir), 'utf8');
  } catch {
    return undefined;
  }
  return stateSchema.parse(JSON.parse(text));
}

/** Written whole and renamed, so that a killed process leaves the old one or the new one. */
export function saveState(dataDir: string, state: WorldState): void {
  mkdirSync(dataDir, { recursive: true });
  const path = pathIn(dataDir);
  writeFileSync(`${path}.new`, JSON.stringify(state, undefined, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
