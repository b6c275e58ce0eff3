import { z } from 'zod';

const claimsSchema = z.looseObject({ exp: z.number(), aud: z.string().optional(), email: z.string().optional() });
export type TokenClaims = z.infer<typeof claimsSchema>;

/**
 * The claims of our own token. It comes straight from its issuer, so the signature is not verified.
 * @returns undefined if the text is not a JWT
 */
export const claimsOf = (token: string): TokenClaims | undefined => {
  const [, payload = ''] = token.split('.');
  try {
    return claimsSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  } catch {
    return undefined;
  }
};
