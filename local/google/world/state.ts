import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const keySchema = z.strictObject({ id: z.string(), privateKeyPem: z.string(), disabled: z.boolean() });

const bindingSchema = z.strictObject({ role: z.string(), member: z.string() });

const serviceAccountSchema = z.strictObject({
  email: z.string(),
  /** 21 digits: the `sub` of its ID tokens, and the client ID for domain-wide delegation. */
  uniqueId: z.string(),
  disabled: z.boolean(),
  keys: z.array(keySchema),
  /** The account's Google-managed key, which signJwt and signBlob use. */
  systemKey: keySchema.optional(),
  /** Scopes that the Workspace administrator granted domain-wide. */
  delegatedScopes: z.array(z.string()),
  /** The members that may impersonate the account. */
  bindings: z.array(bindingSchema),
});

const versionSchema = z.strictObject({
  state: z.enum(['ENABLED', 'DISABLED', 'DESTROYED']),
  createTime: z.string(),
  destroyTime: z.string().optional(),
  /** Base64. */
  data: z.string(),
  /** Set by a test: the checksum differs from the bytes. */
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
  /** The keys of ID tokens. The first one signs; all are published. */
  signingKeys: z.array(keySchema),
  iapKeys: z.array(keySchema),
  /** The key that encrypts access tokens, in base64. */
  sealingKey: z.string(),
  /** Access tokens that were minted before this time are invalid. Epoch milliseconds. */
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
    /** The platform whose metadata server is imitated. */
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

/** Reads the state of an earlier run. Undefined when there is none. @throws for an invalid file */
export function loadState(dataDir: string): WorldState | undefined {
  let text: string;
  try {
    text = readFileSync(pathIn(dataDir), 'utf8');
  } catch {
    return undefined;
  }
  return stateSchema.parse(JSON.parse(text));
}

/** Writes a new file and renames it, so that a kill leaves either the old or the new state. */
export function saveState(dataDir: string, state: WorldState): void {
  mkdirSync(dataDir, { recursive: true });
  const path = pathIn(dataDir);
  writeFileSync(`${path}.new`, JSON.stringify(state, undefined, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
