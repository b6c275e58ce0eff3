import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';
import { CourierError } from '../../errors.ts';
import { createCredentialSource } from './credential-source.ts';

/** Secret Manager's limit for a payload. Credentials files have 1 to 3 KiB. */
const MAX_BYTES = 65_536;

const isRsaKey = (pem: string): boolean => {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
};

const text = z.string().min(1);
const email = z.string().regex(/^[^\s@:/]+@[^\s@:/]+\.[^\s@:/.]+$/);
/** Google's sovereign clouds (other universes) have other endpoints, and no Drive. */
const universe = z.literal('googleapis.com').optional();

const serviceAccount = z
  .object({
    type: z.literal('service_account'),
    client_email: email,
    private_key: z.string().refine(isRsaKey),
    universe_domain: universe,
  })
  .transform(({ type, client_email, private_key }) => ({ type, email: client_email, privateKey: private_key }));

const authorizedUser = z
  .object({
    type: z.literal('authorized_user'),
    client_id: text,
    client_secret: text,
    refresh_token: text,
    account: email.optional().catch(undefined),
    universe_domain: universe,
  })
  .transform(({ type, client_id, client_secret, refresh_token, account }) => ({
    type,
    clientId: client_id,
    clientSecret: client_secret,
    refreshToken: refresh_token,
    account,
  }));

/**
 * A document's URLs are compared, but never called, because a credentials file from elsewhere may contain any host
 * (https://cloud.google.com/docs/authentication/external/externally-sourced-credentials).
 */
const createSchema = (googleOrigin: string | undefined) => {
  const asGoogle = (url: string): string =>
    googleOrigin !== undefined && url.startsWith(`${googleOrigin}/`)
      ? `https://${url.slice(googleOrigin.length + 1)}`
      : url;
  const target = z
    .string()
    .transform(
      (url) =>
        /^https:\/\/iamcredentials\.googleapis\.com\/v1\/projects\/-\/serviceAccounts\/([^/:]+):generateAccessToken$/.exec(
          asGoogle(url),
        )?.[1],
    )
    .pipe(email);
  const lifetime = z.object({ token_lifetime_seconds: z.int().min(600).max(43_200).optional() }).optional();

  const externalAccount = z
    .object({
      type: z.literal('external_account'),
      audience: z.string().startsWith('//iam.googleapis.com/'),
      subject_token_type: text,
      token_url: z.string().refine((url) => asGoogle(url) === 'https://sts.googleapis.com/v1/token'),
      // Without it the token would be the workload's own, which Workspace APIs don't accept.
      service_account_impersonation_url: target,
      service_account_impersonation: lifetime,
      credential_source: createCredentialSource({ loopback: googleOrigin !== undefined }),
      universe_domain: universe,
    })
    .transform((file) => ({
      type: file.type,
      audience: file.audience,
      subjectTokenType: file.subject_token_type,
      source: file.credential_source,
      target: file.service_account_impersonation_url,
    }));

  const impersonated = z
    .object({
      type: z.literal('impersonated_service_account'),
      service_account_impersonation_url: target,
      delegates: z
        .array(z.string().transform((name) => name.replace(/^projects\/-\/serviceAccounts\//, '')))
        .default([]),
      source_credentials: z.discriminatedUnion('type', [serviceAccount, authorizedUser, externalAccount]),
      universe_domain: universe,
    })
    .transform((file) => ({
      type: file.type,
      target: file.service_account_impersonation_url,
      delegates: file.delegates,
      source: file.source_credentials,
    }));

  return z.discriminatedUnion('type', [serviceAccount, authorizedUser, externalAccount, impersonated]);
};

export type ServiceAccountDocument = z.infer<typeof serviceAccount>;
export type AuthorizedUserDocument = z.infer<typeof authorizedUser>;
export type CredentialsDocument = z.infer<ReturnType<typeof createSchema>>;
export type ExternalAccountDocument = Extract<CredentialsDocument, { type: 'external_account' }>;
export type ImpersonatedDocument = Extract<CredentialsDocument, { type: 'impersonated_service_account' }>;

const TYPES = 'service_account, authorized_user, external_account, impersonated_service_account';

/** Fields whose fault needs more words than "missing or malformed". */
const WHY: Readonly<Record<string, string>> = {
  private_key: 'its "private_key" is not an RSA private key in PEM form',
  token_url: 'its "token_url" is not https://sts.googleapis.com/v1/token',
  service_account_impersonation_url:
    'its "service_account_impersonation_url" is missing, or does not start with https://iamcredentials.googleapis.com',
  credential_source:
    'its "credential_source" is not allowed here (allowed: a file or a link-local metadata address; not allowed: a program or a certificate)',
  type: `its "type" is not one of ${TYPES}`,
  universe_domain: 'its "universe_domain" is not googleapis.com',
};

/** What is wrong, by field name. The document's content is never quoted. */
const faultOf = (error: z.ZodError): string => {
  const [issue] = error.issues;
  const [outer, inner] = issue?.path ?? [];
  const field = String(outer === 'source_credentials' ? (inner ?? outer) : (outer ?? ''));
  if (field === '') return 'it is not a JSON object';
  return WHY[field] ?? `its "${field}" is missing or malformed`;
};

const invalid = (what: string): CourierError =>
  new CourierError('key-invalid', {
    reason: 'document-invalid',
    detail: `The credentials document is invalid: ${what}.`,
  });

const parseJson = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid('it is not JSON');
  }
};

/**
 * Parses a Google credentials file, by its `type`.
 * @param googleOrigin URL of the local Google, whose key files contain its addresses
 * @throws CourierError `key-invalid`
 */
export const readDocument = (
  bytes: Buffer,
  { googleOrigin }: { googleOrigin?: string | undefined } = {},
): CredentialsDocument => {
  if (bytes.length > MAX_BYTES) throw invalid(`it has ${bytes.length} bytes (at most ${MAX_BYTES} are allowed)`);
  if (bytes.length === 0) throw invalid('it is empty');
  const { data, error } = createSchema(googleOrigin).safeParse(parseJson(bytes));
  if (error !== undefined) throw invalid(faultOf(error));
  return data;
};
