import type { AuthClient } from 'google-auth-library';
import { CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import {
  type AccessToken,
  CLOUD_PLATFORM,
  courierErrorIn,
  createLibraryOptions,
  loadMetadataServer,
  type Minter,
  mintWith,
  tokenAges,
} from './access-token.ts';
import { mintingError } from './oauth-error.ts';
import { createRefreshed } from './refreshed.ts';
import { routeTokenExchange } from './token-exchange.ts';

interface RuntimeOptions {
  transport: Pick<GoogleTransport, 'fetch'>;
  /** True where the identity surely is the platform's: the metadata server is asked at once then, and nothing searched. */
  isPlatforms?: boolean | undefined;
  /** Default: `cloud-platform`, which IAM narrows down. */
  scopes?: readonly string[];
  /** Epoch milliseconds. */
  now: () => number;
}

/** Who the courier itself is towards Google Cloud: for Secret Manager, IAM Credentials, Cloud Storage, Pub/Sub. */
export interface RuntimeIdentity {
  /** @throws CourierError `key-invalid` when there is no identity here, `google-unavailable` */
  token(): Promise<string>;
  /** A Google service answered 401 to this token: forget it. */
  rejected(token: string): void;
  /** Undefined where the platform does not say. */
  email(): Promise<string | undefined>;
  /** The same identity's tokens with other scopes. */
  minter(scopes: readonly string[]): Minter;
  /** For Google's client libraries: sends through the transport, as this identity. */
  authClient(): Promise<AuthClient>;
}

const NOBODY = /Could not load the default credentials/i;

const runtimeError = (error: unknown): CourierError => {
  const known = courierErrorIn(error);
  if (known !== undefined) return known;
  const message = error instanceof Error ? error.message : '';
  if (NOBODY.test(message))
    return new CourierError('key-invalid', {
      detail: 'The courier has no Google identity of its own here: no key file, and no metadata server answers.',
      remedy: 'Run the courier on Google Cloud with a service account, or set GOOGLE_APPLICATION_CREDENTIALS.',
    });
  if (/credential file|JSON|PEM|private_key|DECODER/i.test(message))
    return new CourierError('key-invalid', {
      detail: 'The file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read or used.',
      remedy: 'Let GOOGLE_APPLICATION_CREDENTIALS name a readable Google credentials file.',
    });
  return mintingError(error, { grant: 'service-account', account: undefined });
};

/** A client of Google's library, and whose tokens it gets. */
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
  // With a project given the library does not look for one, which would take calls of its own.
  const auth = new GoogleAuth({ scopes: [...scopes], projectId: 'unused', clientOptions });
  return { client: () => auth.getClient(), email: async () => (await auth.getCredentials()).client_email };
};

/**
 * Finds Google's application default credentials anew for each token, as Google's libraries do: the file that
 * GOOGLE_APPLICATION_CREDENTIALS names, gcloud's, or the metadata server (GCE_METADATA_HOST), which is asked for these very scopes.
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
        // The library remembers for ever that no metadata server answered, and some start later than their workloads.
        const { gcpMetadata } = await import('google-auth-library');
        gcpMetadata.resetIsAvailableCache();
        throw runtimeError(error);
      }
    },
  } satisfies Minter & { email(): Promise<string | undefined> };
};

/** The courier's own identity, its token kept and renewed ahead. */
export const createRuntimeIdentity = (options: RuntimeOptions): RuntimeIdentity => {
  const minter = createRuntimeMinter(options);
  const tokens = createRefreshed({ ...tokenAges, load: minter.mint, onStale: () => undefined, now: options.now });
  const token = async (): Promise<string> => (await tokens.get()).value;
  const rejected = (refused: string): void => {
    if (tokens.peek()?.value === refused) tokens.drop();
  };

  /** As this identity; a token that is refused is replaced once. */
  const authorized: typeof globalThis.fetch = async (input, init) => {
    const ask = async (bearer: string): Promise<Response> => {
      const headers = new Headers(init?.headers);
      headers.set('authorization', `Bearer ${bearer}`);
      return options.transport.fetch(input, { ...init, headers });
    };
    const first = await token();
    const response = await ask(first);
    // What can be sent only once is not sent again.
    if (response.status !== 401 || !(init?.body === undefined || typeof init.body === 'string')) return response;
    rejected(first);
    return ask(await token());
  };

  return {
    token,
    rejected,
    email: minter.email,
    minter: (scopes) => createRuntimeMinter({ ...options, scopes }),
    async authClient() {
      const { PassThroughClient } = await import('google-auth-library');
      return new PassThroughClient(await createLibraryOptions({ fetch: authorized }));
    },
  };
};
