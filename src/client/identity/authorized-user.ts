import { UserRefreshClient } from 'google-auth-library';
import { z } from 'zod';
import { failure } from '../errors.ts';
import type { GoogleFetch } from '../http/google-fetch.ts';
import type { Identity } from './identity.ts';
import { identityError } from './refusal.ts';
import { transporterOptions } from './transporter.ts';

export const authorizedUserSchema = z.object({
  type: z.literal('authorized_user'),
  client_id: z.string().min(1),
  client_secret: z.string().min(1),
  refresh_token: z.string().min(1),
});
type UserFile = z.infer<typeof authorizedUserSchema>;

const clientOf = (file: UserFile, fetch: GoogleFetch): UserRefreshClient =>
  new UserRefreshClient({
    clientId: file.client_id,
    clientSecret: file.client_secret,
    refreshToken: file.refresh_token,
    transporterOptions: transporterOptions(fetch),
  });

/** A person's refresh token. Google issues ID tokens for it, but only with the OAuth client's ID as their audience. */
export const authorizedUser = (file: UserFile, foundBy: string, fetch: GoogleFetch): Identity => ({
  kind: 'authorized-user',
  foundBy,
  idToken: async () => {
    throw failure('identity-cannot-mint', {
      detail: "A user's credentials cannot get an ID token for an audience of their choice.",
    });
  },
  accessToken: async () => {
    // The token has the scopes that the person consented to.
    try {
      const { token } = await clientOf(file, fetch).getAccessToken();
      if (typeof token !== 'string') throw new Error('no token in the answer');
      return token;
    } catch (error) {
      throw identityError(error, 'the user');
    }
  },
});
