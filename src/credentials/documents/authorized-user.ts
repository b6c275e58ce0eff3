import type { GoogleTransport } from '../../google/transport.ts';
import type { Minter } from '../access-token.ts';
import { createLibraryOptions, mintWith } from '../google-library.ts';
import { mintingError } from '../oauth-error.ts';
import type { AuthorizedUserDocument } from './document.ts';

/** A person who gave OAuth consent. They own new files, which use their storage. */
export const createAuthorizedUser = (
  { clientId, clientSecret, refreshToken, account }: AuthorizedUserDocument,
  { transport, now }: { transport: Pick<GoogleTransport, 'fetch'>; now: () => number },
): Minter => ({
  account: () => account,
  async mint() {
    const { UserRefreshClient } = await import('google-auth-library');
    const library = await createLibraryOptions(transport);
    const client = new UserRefreshClient({ ...library, clientId, clientSecret, refreshToken });
    return mintWith(client, now).catch((error: unknown) => {
      throw mintingError(error, { grant: 'refresh-token', account });
    });
  },
});
