import { createPrivateKey } from 'node:crypto';
import { JWT } from 'google-auth-library';
import { z } from 'zod';
import { failure } from '../errors.ts';
import type { GoogleFetch } from '../http/google-fetch.ts';
import type { Identity } from './identity.ts';
import { identityError } from './refusal.ts';
import { transporterOptions } from './transporter.ts';

export const serviceAccountSchema = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(3),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
});
type KeyFile = z.infer<typeof serviceAccountSchema>;

const clientOf = (file: KeyFile, scopes: readonly string[], fetch: GoogleFetch): JWT => {
  try {
    createPrivateKey(file.private_key);
  } catch {
    // OpenSSL's message may quote the text.
    throw failure('identity-unusable', { detail: `The private_key of ${file.client_email} is not a PEM key.` });
  }
  return new JWT({
    email: file.client_email,
    key: file.private_key,
    scopes: [...scopes],
    transporterOptions: transporterOptions(fetch),
    ...(file.private_key_id === undefined ? {} : { keyId: file.private_key_id }),
  });
};

/** A service account's key. Google exchanges an assertion that the key signed for an ID token. */
export const serviceAccount = (file: KeyFile, foundBy: string, fetch: GoogleFetch): Identity => {
  const account = file.client_email;
  const failing = (error: unknown): never => {
    throw identityError(error, account);
  };
  return {
    kind: 'service-account-key',
    foundBy,
    account,
    idToken: async (audience) => clientOf(file, [], fetch).fetchIdToken(audience).catch(failing),
    accessToken: async (scopes) => {
      const { token } = await clientOf(file, scopes, fetch).getAccessToken().catch(failing);
      return token ?? failing(new Error('no token in the answer'));
    },
  };
};
