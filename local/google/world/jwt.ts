import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';

/** The parts of a compact JWS, not yet verified. */
export interface Jwt {
  header: { alg: string; kid?: string | undefined };
  claims: Record<string, unknown>;
  signed: Buffer;
  signature: Buffer;
}

const headerSchema = z.looseObject({ alg: z.string(), kid: z.string().optional() });
const claimsSchema = z.record(z.string(), z.unknown());

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function signJwt(
  claims: Readonly<Record<string, unknown>>,
  key: { kid: string; privateKey: KeyObject; alg?: 'RS256' | 'ES256' },
): string {
  const alg = key.alg ?? 'RS256';
  const signed = `${encode({ alg, kid: key.kid, typ: 'JWT' })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), {
    key: key.privateKey,
    ...(alg === 'ES256' ? { dsaEncoding: 'ieee-p1363' as const } : {}),
  });
  return `${signed}.${signature.toString('base64url')}`;
}

/** Returns undefined for a malformed JWT. */
export function parseJwt(token: string): Jwt | undefined {
  const parts = token.split('.');
  const [header, claims, signature] = parts;
  if (parts.length !== 3 || header === undefined || claims === undefined || signature === undefined) return undefined;
  try {
    return {
      header: headerSchema.parse(JSON.parse(Buffer.from(header, 'base64url').toString())),
      claims: claimsSchema.parse(JSON.parse(Buffer.from(claims, 'base64url').toString())),
      signed: Buffer.from(`${header}.${claims}`),
      signature: Buffer.from(signature, 'base64url'),
    };
  } catch {
    return undefined;
  }
}

/** Verifies RS256, the only algorithm that Google accepts from service accounts and that OIDC issuers use here. */
export const isSignedBy = (jwt: Jwt, publicKeyPem: string): boolean =>
  jwt.header.alg === 'RS256' && verify('sha256', jwt.signed, createPublicKey(publicKeyPem), jwt.signature);
