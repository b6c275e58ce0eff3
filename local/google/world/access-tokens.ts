import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Grant } from '../google-service.ts';
import { isSignedBy, parseJwt } from './jwt.ts';
import { publicPemOf } from './keys.ts';
import { CLOUD_PLATFORM } from './names.ts';
import type { WorldState } from './state.ts';

const grantSchema = z.object({
  kind: z.enum(['user', 'serviceAccount']),
  email: z.string(),
  scopes: z.array(z.string()).readonly(),
  expiresAtMs: z.number(),
  project: z.string(),
  clientId: z.string().optional(),
});

const federatedSchema = z.object({
  kind: z.literal('federated'),
  /** `principal://…/subject/S`, and a `principalSet://…` for each attribute. */
  principals: z.array(z.string()),
  scopes: z.array(z.string()),
  expiresAtMs: z.number(),
  project: z.string(),
});

const sealedSchema = z.object({ issuedAtMs: z.number(), holder: z.union([grantSchema, federatedSchema]) });

/** An identity of a workload identity pool, which has no account. */
type Federated = z.infer<typeof federatedSchema>;
export type Holder = (Grant & { clientId?: string | undefined }) | Federated;

export interface TokenRegistry {
  /**
   * Mints an opaque access token, `ya29.…`. The grant is encrypted in the token, so that it stays valid after a
   * restart.
   */
  mint(holder: Holder): string;
  /**
   * The holder of a valid token: an access token of this registry, or a service account's self-signed JWT for one of
   * `hosts`.
   */
  holderOf(token: string, hosts: readonly string[]): Holder | undefined;
  isKnown(token: string): boolean;
  revoke(token: string): void;
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

const openWith = (key: Buffer, token: string): z.infer<typeof sealedSchema> | undefined => {
  const [, sealed] = /^ya29\.c\.([\w-]{40,})$/.exec(token) ?? [];
  if (sealed === undefined) return undefined;
  const bytes = Buffer.from(sealed, 'base64url');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 });
    decipher.setAuthTag(bytes.subarray(12, 28));
    const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString();
    return sealedSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
};

const sealWith = (key: Buffer, value: z.infer<typeof sealedSchema>): string => {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  const bytes = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()]);
  return `ya29.c.${Buffer.concat([nonce, cipher.getAuthTag(), bytes]).toString('base64url')}`;
};

/**
 * Self-signed JWTs replace access tokens (https://google.aip.dev/auth/4111). They have a `scope`, or the API as `aud`,
 * and are valid for an hour.
 */
const selfSigned = (state: WorldState, token: string, hosts: readonly string[], nowMs: number): Grant | undefined => {
  const jwt = parseJwt(token);
  const account = state.serviceAccounts.find(({ email }) => email === jwt?.claims.iss);
  const key = account?.keys.find(({ id, disabled }) => id === jwt?.header.kid && !disabled);
  if (jwt === undefined || account === undefined || key === undefined || account.disabled) return undefined;
  if (!isSignedBy(jwt, publicPemOf(key.privateKeyPem))) return undefined;
  const { iat, exp, aud, scope, sub } = jwt.claims;
  if (typeof iat !== 'number' || typeof exp !== 'number' || exp - iat > 3600 || sub !== account.email) return undefined;
  if (iat * 1000 > nowMs + 300_000 || exp * 1000 <= nowMs) return undefined;
  const scoped = typeof scope === 'string' && scope !== '';
  if (!scoped && !hosts.some((host) => aud === `https://${host}/`)) return undefined;
  const scopes = scoped ? scope.split(' ') : [CLOUD_PLATFORM];
  return { kind: 'serviceAccount', email: account.email, scopes, expiresAtMs: exp * 1000, project: state.project.id };
};

export function createTokenRegistry(state: WorldState, save: () => void, now: () => number): TokenRegistry {
  const key = Buffer.from(state.sealingKey, 'base64');
  const revoked = new Set(state.revokedAccessTokens);

  const isLive = (holder: Holder): boolean => {
    if (holder.kind === 'federated') return true;
    if (holder.kind === 'user') return state.users.some(({ email }) => email === holder.email);
    return state.serviceAccounts.some(({ email, disabled }) => email === holder.email && !disabled);
  };

  return {
    mint: (holder) => sealWith(key, { issuedAtMs: now(), holder }),
    isKnown: (token) => openWith(key, token) !== undefined && !revoked.has(hashOf(token)),
    holderOf: (token, hosts) => {
      const opened = openWith(key, token);
      if (opened === undefined) return selfSigned(state, token, hosts, now());
      const { issuedAtMs, holder } = opened;
      if (holder.expiresAtMs <= now() || issuedAtMs < state.tokensValidFromMs) return undefined;
      return revoked.has(hashOf(token)) || !isLive(holder) ? undefined : holder;
    },
    revoke: (token) => {
      revoked.add(hashOf(token));
      state.revokedAccessTokens = [...revoked];
      save();
    },
  };
}
