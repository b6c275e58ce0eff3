import { crc32c } from '@aws-crypto/crc32c';
import { z } from 'zod';
import { parseSecretName, secretManagerHost } from '../../text/google/secret-name.ts';
import { failure } from '../errors.ts';
import { fetchJson, type GoogleFetch } from '../http/google-fetch.ts';
import { identityError } from '../identity/refusal.ts';

const versionSchema = z.object({ name: z.string() });
const problemSchema = z.object({ error: z.object({ status: z.string() }) });

/** @throws CourierClientError `usage` */
export const checkedSecretName = (name: string): string => {
  const parsed = parseSecretName(name);
  if (parsed !== undefined && parsed.version === undefined) return name;
  throw failure('usage', { detail: `"${name}" is not the name of a secret: projects/PROJECT/secrets/NAME.` });
};

const remedyOf = (status: number, name: string): string => {
  if (status === 404)
    return `Create it first: gcloud secrets create ${name.split('/').at(-1)} --project=${name.split('/')[1]}`;
  return `Grant this identity roles/secretmanager.secretVersionAdder on ${name}. If the secret does not exist, create it first.`;
};

/**
 * Adds bytes as a new version of a secret (https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/addVersion).
 * @param token an access token with the scope `cloud-platform`
 * @returns the version's full name
 * @throws CourierClientError `secret-refused`, `google-unreachable`
 */
export const addSecretVersion = async (
  name: string,
  bytes: Buffer,
  { token, fetch }: { token: string; fetch: GoogleFetch },
): Promise<string> => {
  const host = secretManagerHost({ location: parseSecretName(name)?.location });
  const asked = fetchJson(fetch, `https://${host}/v1/${name}:addVersion`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ payload: { data: bytes.toString('base64'), dataCrc32c: String(crc32c(bytes)) } }),
  });
  const { status, ok, data } = await asked.catch((error: unknown) => {
    throw identityError(error, 'Secret Manager');
  });
  if (status >= 500 || status === 429)
    throw failure('google-unreachable', { detail: `Secret Manager: HTTP ${status}`, status });
  const version = versionSchema.safeParse(data).data;
  if (!ok || version === undefined) {
    const word = problemSchema.safeParse(data).data?.error.status ?? `HTTP ${status}`;
    throw failure('secret-refused', { detail: `${name}: ${word}`, remedy: remedyOf(status, name), status });
  }
  return version.name;
};
