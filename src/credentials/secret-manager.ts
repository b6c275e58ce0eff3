import { crc32c } from '@aws-crypto/crc32c';
import { z } from 'zod';
import { CourierError, type ErrorCode } from '../errors.ts';
import { parseSecretName, secretManagerHost } from '../text/google/secret-name.ts';
import { courierErrorIn } from './google-library.ts';
import type { RuntimeIdentity } from './runtime/runtime-identity.ts';

/**
 * The library's own time limit outlives the call: google-gax (fallbackServiceStub) listens to an `AbortSignal.timeout` and
 * never stops listening. Without a limit there is no such signal. The transporter below the client has its own limit, which ends
 * with the call.
 */
const LIBRARY_TIMEOUT_MS = Infinity;

const answer = z.object({
  payload: z.object({
    // An empty payload has no `data`.
    data: z
      .union([z.instanceof(Uint8Array), z.string().transform((text) => Buffer.from(text, 'base64'))])
      .default(() => Buffer.alloc(0)),
    // Optional in the API; Secret Manager sends it with every version that has a checksum.
    dataCrc32c: z.coerce.string().regex(/^\d+$/).nullish(),
  }),
});

/** `google.rpc.Code`s (googleapis/google/rpc/code.proto) that are about the secret. All others are transient. */
const MEANING_OF_STATUS: Readonly<Record<number, { code: ErrorCode; reason: string; detail: string }>> = {
  3: {
    code: 'secret-not-found',
    reason: 'INVALID_ARGUMENT',
    detail: "Secret Manager rejected the secret's name or version as malformed.",
  },
  5: { code: 'secret-not-found', reason: 'NOT_FOUND', detail: 'The secret or this version of it does not exist.' },
  7: {
    code: 'secret-forbidden',
    reason: 'PERMISSION_DENIED',
    detail: "The courier's service account is not allowed to read the secret.",
  },
  9: {
    code: 'secret-not-found',
    reason: 'FAILED_PRECONDITION',
    detail: 'This version of the secret is disabled or destroyed.',
  },
  16: {
    code: 'secret-forbidden',
    reason: 'UNAUTHENTICATED',
    detail: "Secret Manager rejected the courier's own identity.",
  },
};

/** `google.rpc.ErrorInfo` reasons, which are more precise than the status (googleapis/google/api/error_reason.proto). */
const MEANING_OF_REASON: Readonly<Record<string, { detail: string; remedy: string }>> = {
  SERVICE_DISABLED: {
    detail: 'The Secret Manager API is disabled in the project.',
    remedy: 'Run "gcloud services enable {api}" in the project of {secret}.',
  },
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: {
    detail: "The access scopes of this machine don't include Secret Manager.",
    remedy: 'Give the instance the access scope https://www.googleapis.com/auth/cloud-platform.',
  },
};

const googleError = z.object({ code: z.number().catch(0), reason: z.string().optional().catch(undefined) });

const readingError = (error: unknown, secret: string, courier: string | undefined): CourierError => {
  const known = courierErrorIn(error);
  if (known !== undefined) return known;
  const { code: status = 0, reason } = googleError.safeParse(error).data ?? {};
  const meaning = MEANING_OF_STATUS[status] ?? { code: 'google-unavailable' as const };
  const exact =
    reason !== undefined && Object.hasOwn(MEANING_OF_REASON, reason)
      ? { ...MEANING_OF_REASON[reason], reason }
      : undefined;
  return new CourierError(meaning.code, {
    ...meaning,
    ...exact,
    facts: { secret, courier, api: 'secretmanager.googleapis.com' },
    cause: new Error(`Secret Manager answered ${status}${reason === undefined ? '' : ` ${reason}`}`),
  });
};

const endpointOf = (name: string): string => secretManagerHost({ location: parseSecretName(name)?.location });

/** Makes the function that reads versions of secrets. */
export const createSecretReader = (runtime: Pick<RuntimeIdentity, 'authClient' | 'token' | 'email'>) => {
  const connect = async (apiEndpoint: string) => {
    // The token is fetched while the client is loaded. An error is thrown later, where the token is needed.
    void runtime.token().catch(() => undefined);
    // Loading takes 200 ms, so it is loaded only where credentials come from a secret.
    const { SecretManagerServiceClient } = await import('@google-cloud/secret-manager');
    // `fallback` means REST: HTTP/1.1 through the transport, and no gRPC channel.
    return new SecretManagerServiceClient({
      fallback: true,
      authClient: await runtime.authClient(),
      apiEndpoint,
    });
  };
  const clients = new Map<string, ReturnType<typeof connect>>();

  /**
   * Reads a version of a secret, and compares the bytes with the checksum that Secret Manager sends.
   * @param name `projects/P/secrets/S/versions/V`
   * @throws CourierError `secret-not-found`, `secret-forbidden`, `secret-corrupt`, `google-unavailable`
   */
  return async (name: string): Promise<Buffer> => {
    const apiEndpoint = endpointOf(name);
    const client = clients.get(apiEndpoint) ?? connect(apiEndpoint);
    clients.set(apiEndpoint, client);
    const [version] = await (await client)
      .accessSecretVersion({ name }, { timeout: LIBRARY_TIMEOUT_MS, retry: { retryCodes: [] } })
      .catch(async (error: unknown) => {
        // Without an email, somebody would have to find out which account needs the permission.
        throw readingError(error, name, await runtime.email().catch(() => undefined));
      });
    const { data } = answer.safeParse(version);
    const { dataCrc32c: sum } = data?.payload ?? {};
    if (data === undefined || (sum != null && String(crc32c(data.payload.data)) !== sum))
      throw new CourierError('secret-corrupt', { facts: { secret: name } });
    return Buffer.from(data.payload.data);
  };
};
