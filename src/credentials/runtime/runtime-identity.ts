import type { AuthClient } from 'google-auth-library';
import { createAuthorizedFetch } from '../../bearer.ts';
import { CourierError } from '../../errors.ts';
import type { GoogleTransport } from '../../google/transport.ts';
import { createRefreshingValue } from '../../refreshing-value.ts';
import { type AccessToken, CLOUD_PLATFORM, type Minter, tokenAges } from '../access-token.ts';
import {
  courierErrorIn,
  createLibraryOptions,
  loadMetadataServer,
  mintWith,
  routeTokenExchange,
} from '../google-library.ts';
import { mintingError } from '../oauth-error.ts';

interface RuntimeOptions {
  transport: Pick<GoogleTransport, 'fetch'>;
  /** True where the identity is known to be the platform's: the metadata server is asked directly, without a search. */
  isPlatforms?: boolean | undefined;
  /** Default: `cloud-platform`, which IAM restricts. */
  scopes?: readonly string[];
  /** Epoch milliseconds. */
  now: () => number;
}

/** The identity that the courier itself has for Google Cloud: for Secret Manager, IAM Credentials, Cloud Storage and Pub/Sub. */
export interface RuntimeIdentity {
  /** @throws CourierError `key-invalid` when there is no identity here, `google-unavailable` */
  token(): Promise<string>;
  /** Forgets a token to which a Google service answered 401. */
  rejected(token: string): void;
  /** Undefined if the platform does not provide it. */
  email(): Promise<string | undefined>;
  /** The email, if it has been found: it is looked up with the first token. */
  account(): string | undefined;
  /** Tokens of the same identity with other scopes. */
  minter(scopes: readonly string[]): Minter;
  /** For Google's client libraries: sends through the transport with this identity. */
  authClient(): Promise<AuthClient>;
}

/** google-auth-library's message when it finds no credentials (`NO_ADC_FOUND` of its googleauth.ts). Its error has no code. */
const NONE_FOUND = /Could not load the default credentials/i;
/** The messages of the library, JSON.parse and OpenSSL for a credentials file that cannot be used. */
const FILE_INVALID = /credential file|JSON|PEM|private_key|DECODER/i;

const runtimeError = (error: unknown): CourierError => {
  const known = courierErrorIn(error);
  if (known !== undefined) return known;
  const message = error instanceof Error ? error.message : '';
  if (NONE_FOUND.test(message))
    return new CourierError('key-invalid', {
      reason: 'no-identity',
      detail: 'The courier has no Google identity here: there is no key file, and no metadata server answers.',
      remedy: 'Run the courier on Google Cloud with a service account, or set GOOGLE_APPLICATION_CREDENTIALS.',
    });
  if (FILE_INVALID.test(message))
    return new CourierError('key-invalid', {
      reason: 'identity-file-invalid',
      detail: 'The file in GOOGLE_APPLICATION_CREDENTIALS cannot be read, or is not a valid credentials file.',
      remedy:
        'Set GOOGLE_APPLICATION_CREDENTIALS to the path of a readable Google credentials file, in UTF-8 without a byte order mark.',
    });
  return mintingError(error, { grant: 'service-account', account: undefined });
};

/** A client of Google's library, and the email of its account. */
interface Found {
  client(): Promise<AuthClient>;
  email(): Promise<string | undefined>;
}

const findPlatforms = async ({ transport }: RuntimeOptions, scopes: readonly string[]): Promise<Found> => {
  const { Compute } = await import('google-auth-library');
  const metadataServer = await loadMetadataServer(transport);
  const client = new Compute({ ...(await createLibraryOptions(transport)), scopes: [...scopes] });
  const email = async (): Promise<string> => String(await metadataServer.instance('service-accounts/default/email'));
  return { client: async () => client, email };
};

const findDefault = async ({ transport }: RuntimeOptions, scopes: readonly string[]): Promise<Found> => {
  const { GoogleAuth } = await import('google-auth-library');
  const clientOptions = await createLibraryOptions(transport);
  // With a project the library does not look one up, which would take more calls.
  const auth = new GoogleAuth({ scopes: [...scopes], projectId: 'unused', clientOptions });
  return { client: () => auth.getClient(), email: async () => (await auth.getCredentials()).client_email };
};

/**
 * Finds the application default credentials for each token, as Google's libraries do: the file in
 * GOOGLE_APPLICATION_CREDENTIALS, gcloud's, or the metadata server (GCE_METADATA_HOST), which is asked for these scopes.
 */
const createRuntimeMinter = (options: RuntimeOptions) => {
  const { scopes = [CLOUD_PLATFORM], isPlatforms = false, now } = options;
  let email: string | undefined;

  const find = (): Promise<Found> => (isPlatforms ? findPlatforms : findDefault)(options, scopes);

  const findEmail = async (found: Found): Promise<string | undefined> => {
    email = (await found.email().catch(() => undefined)) ?? email;
    return email;
  };

  return {
    account: () => email,
    async email(): Promise<string | undefined> {
      return email ?? findEmail(await find());
    },
    async mint(): Promise<AccessToken> {
      try {
        const found = await find();
        const client = await found.client();
        routeTokenExchange(client);
        const token = await mintWith(client, now);
        if (email === undefined) void findEmail(found);
        return token;
      } catch (error) {
        // The library never forgets that no metadata server answered, but some start later than their workloads.
        const { gcpMetadata } = await import('google-auth-library');
        gcpMetadata.resetIsAvailableCache();
        throw runtimeError(error);
      }
    },
  } satisfies Minter & { email(): Promise<string | undefined> };
};

/** The courier's own identity. Its token is kept, and renewed before it expires. */
export const createRuntimeIdentity = (options: RuntimeOptions): RuntimeIdentity => {
  const minter = createRuntimeMinter(options);
  const tokens = createRefreshingValue({ ...tokenAges, load: minter.mint, now: options.now });
  const token = async (): Promise<string> => (await tokens.get()).value;
  const rejected = (value: string): void => {
    if (tokens.peek()?.value === value) tokens.clear();
  };

  return {
    token,
    rejected,
    email: minter.email,
    account: minter.account,
    minter: (scopes) => createRuntimeMinter({ ...options, scopes }),
    async authClient() {
      const { PassThroughClient } = await import('google-auth-library');
      const fetch = createAuthorizedFetch(options.transport.fetch, { token, rejected });
      return new PassThroughClient(await createLibraryOptions({ fetch }));
    },
  };
};
