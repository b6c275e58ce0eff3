import { crc32c } from '@aws-crypto/crc32c';
import { z } from 'zod';
import { CourierError, type ErrorCode } from '../errors.ts';
import { courierErrorIn } from './access-token.ts';
import type { RuntimeIdentity } from './runtime-identity.ts';

/**
 * The library's own limit outlives its call: google-gax (fallbackServiceStub) listens to an `AbortSignal.timeout` and never
 * stops. Without end there is no such signal, and the transporter under the client has a limit that ends with the call.
 */
const LIBRARY_LIMIT_MS = Infinity;

const answer = z.object({
  payload: z.object({
    // An empty payload has no `data`.
    data: z
      .union([z.instanceof(Uint8Array), z.string().transform((text) => Buffer.from(text, 'base64'))])
      .default(() => Buffer.alloc(0)),
    // Optional in the API; Secret Manager sends it along with every version that it made a checksum for.
    dataCrc32c: z.coerce.string().regex(/^\d+$/).nullish(),
  }),
});

/** `google.rpc.Code`s (googleapis/google/rpc/code.proto) that say something about the secret; all others pass by themselves. */
const CODE_OF_STATUS: Readonly<Record<number, { code: ErrorCode; detail: string }>> = {
  3: { code: 'secret-not-found', detail: 'Secret Manager finds the name of the secret or its version malformed.' },
  5: { code: 'secret-not-found', detail: 'The secret, or this version of it, does not exist.' },
  7: { code: 'secret-forbidden', detail: "The courier's service account may not read the secret." },
  9: { code: 'secret-not-found', detail: 'This version of the secret is disabled or destroyed.' },
  16: { code: 'secret-forbidden', detail: "Secret Manager does not accept the courier's own identity." },
};

const REASONS: Readonly<Record<string, { detail: string; remedy: string }>> = {
  SERVICE_DISABLED: {
    detail: 'The Secret Manager API is off in the project.',
    remedy: 'Run "gcloud services enable secretmanager.googleapis.com" in the project of {secret}.',
  },
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: {
    detail: "This machine's own access scopes do not cover Secret Manager.",
    remedy: 'Give the instance the access scope https://www.googleapis.com/auth/cloud-platform.',
  },
};

const googleError = z.object({ code: z.number().catch(0), reason: z.string().optional().catch(undefined) });

const readingError = (error: unknown, secret: string): CourierError => {
  const known = courierErrorIn(error);
  if (known !== undefined) return known;
  const { code: status = 0, reason } = googleError.safeParse(error).data ?? {};
  const meaning = CODE_OF_STATUS[status] ?? { code: 'google-unavailable' as const };
  const special = reason !== undefined && Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined;
  return new CourierError(meaning.code, {
    ...meaning,
    ...special,
    facts: { secret },
    cause: new Error(`Secret Manager answered ${status}${reason === undefined ? '' : ` ${reason}`}`),
  });
};

/** "Regional secrets" are served by their own endpoints: https://cloud.google.com/secret-manager/docs/regional-secrets-overview */
const endpointOf = (name: string): { apiEndpoint?: string } => {
  const [, location] = /^projects\/[^/]+\/locations\/([\w-]+)\//.exec(name) ?? [];
  return location === undefined ? {} : { apiEndpoint: `secretmanager.${location}.rep.googleapis.com` };
};

/** Reads versions of secrets. */
export const createSecretReader = (runtime: Pick<RuntimeIdentity, 'authClient' | 'token'>) => {
  const connect = async (name: string) => {
    // On its way while the client is loaded and built; a failure is told to whoever asks for it.
    void runtime.token().catch(() => undefined);
    // 200 ms of loading that only the secret's way pays, and only once.
    const { SecretManagerServiceClient } = await import('@google-cloud/secret-manager');
    // REST: HTTP/1.1 through the transport, and no gRPC channel to keep.
    return new SecretManagerServiceClient({
      fallback: true,
      authClient: await runtime.authClient(),
      ...endpointOf(name),
    });
  };
  const clients = new Map<string, ReturnType<typeof connect>>();

  /**
   * The bytes of a secret's version, compared with the checksum that Secret Manager sends along.
   * @param name `projects/P/secrets/S/versions/V`
   * @throws CourierError `secret-not-found`, `secret-forbidden`, `secret-corrupt`, `google-unavailable`
   */
  return async (name: string): Promise<Buffer> => {
    const { apiEndpoint = '' } = endpointOf(name);
    const client = clients.get(apiEndpoint) ?? connect(name);
    clients.set(apiEndpoint, client);
    const [version] = await (await client)
      .accessSecretVersion({ name }, { timeout: LIBRARY_LIMIT_MS, retry: { retryCodes: [] } })
      .catch((error: unknown) => {
        throw readingError(error, name);
      });
    const { data } = answer.safeParse(version);
    const { dataCrc32c: sum } = data?.payload ?? {};
    if (data === undefined || (sum != null && String(crc32c(data.payload.data)) !== sum))
      throw new CourierError('secret-corrupt', { facts: { secret: name } });
    return Buffer.from(data.payload.data);
  };
};
