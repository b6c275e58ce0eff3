import type { GoogleTransport } from '../../google/transport.ts';
import { type AccessToken, CLOUD_PLATFORM } from '../access-token.ts';
import { createLibraryOptions, mintWith, routeTokenExchange } from '../google-library.ts';
import { mintingError } from '../oauth-error.ts';
import type { ExternalAccountDocument } from './document.ts';

/**
 * A workload outside Google Cloud (workload identity federation). A token of its own cloud is exchanged at Google's Security
 * Token Service. The result is used only to call IAM, to impersonate the service account that has access to Drive.
 * @returns a function that mints the federated token, with the scope `cloud-platform`
 */
export const createFederation =
  (
    { audience, subjectTokenType, source, target }: ExternalAccountDocument,
    { transport, now }: { transport: Pick<GoogleTransport, 'fetch'>; now: () => number },
  ): (() => Promise<AccessToken>) =>
  async () => {
    const { AwsClient, IdentityPoolClient } = await import('google-auth-library');
    const options = {
      ...(await createLibraryOptions(transport)),
      type: 'external_account',
      audience,
      subject_token_type: subjectTokenType,
      // Google's own URL, regardless of the document.
      token_url: 'https://sts.googleapis.com/v1/token',
      scopes: [CLOUD_PLATFORM],
    };
    const client =
      'environment_id' in source
        ? new AwsClient({ ...options, credential_source: source })
        : new IdentityPoolClient({ ...options, credential_source: source });
    routeTokenExchange(client);
    return mintWith(client, now).catch((error: unknown) => {
      throw mintingError(error, { grant: 'federation', account: target });
    });
  };
