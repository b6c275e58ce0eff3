import { UserRefreshClient } from 'google-auth-library';
import { z } from 'zod';
import { failure } from '../errors.ts';
import type { GoogleFetch } from '../google-fetch.ts';
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

/** A person's refresh token. Google makes ID tokens for it, but only for the OAuth client's own id as their audience. */
export const authorizedUser = (file: UserFile, foundBy: string, fetch: GoogleFetch): Identity => ({
  kind: 'authorized-user',
  foundBy,
  idToken: async () => {
    throw failure('identity-cannot-mint', {
      detail: "A person's credentials give no ID token for an audience of one's choice.",
    });
  },
  accessToken: async () => {
    // The scopes are those that the person agreed to.
    try {
      const { token } = await clientOf(file, fetch).getAccessToken();
      if (typeof token !== 'string') throw new Error('no token in the answer');
      return token;
    } catch (error) {
      throw identityError(error, 'this person');
    }
  },
});
