import type { GoogleTransport } from '../../google/transport.ts';
import type { Minter } from '../access-token.ts';
import { createLibraryOptions, mintWith } from '../google-library.ts';
import { mintingError } from '../oauth-error.ts';
import type { ServiceAccountDocument } from './document.ts';

/**
 * A service account with a key: an assertion is signed here, and exchanged for a token at Google's token endpoint.
 * With a subject the token is that user's, if the domain's administrator allows it (domain-wide delegation).
 */
export const createServiceAccount = (
  { email, privateKey }: ServiceAccountDocument,
  {
    transport,
    scopes,
    subject,
    now,
  }: {
    transport: Pick<GoogleTransport, 'fetch'>;
    scopes: readonly string[];
    subject: string | null;
    now: () => number;
  },
): Minter => ({
  account: () => subject ?? email,
  async mint() {
    const { JWT } = await import('google-auth-library');
    const client = new JWT({
      ...(await createLibraryOptions(transport)),
      email,
      key: privateKey,
      scopes: [...scopes],
      ...(subject === null ? {} : { subject }),
    });
    const context = { grant: subject === null ? 'service-account' : 'delegation', account: email } as const;
    return mintWith(client, now).catch((error: unknown) => {
      throw mintingError(error, context);
    });
  },
});
