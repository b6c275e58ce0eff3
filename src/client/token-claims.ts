import { z } from 'zod';

const claimsSchema = z.looseObject({ exp: z.number(), aud: z.string().optional(), email: z.string().optional() });
export type TokenClaims = z.infer<typeof claimsSchema>;

/** What a token of our own says; it came straight from its issuer, so nothing is verified here. Undefined: not a token. */
export const claimsOf = (token: string): TokenClaims | undefined => {
  const [, payload = ''] = token.split('.');
  try {
    return claimsSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  } catch {
    return undefined;
  }
};
