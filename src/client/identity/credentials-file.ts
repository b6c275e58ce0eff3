import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { authorizedUser, authorizedUserSchema } from './authorized-user.ts';
import { externalAccount, externalAccountSchema } from './external-account.ts';
import { type AccessTokens, CLOUD_PLATFORM, type Identity, type Surroundings } from './identity.ts';
import { accountInUrl, impersonated } from './impersonated.ts';
import { serviceAccount, serviceAccountSchema } from './service-account.ts';

const impersonatedSchema = z.object({
  type: z.literal('impersonated_service_account'),
  service_account_impersonation_url: z.string(),
  delegates: z.array(z.string()).optional(),
  source_credentials: z.unknown(),
});

const fileSchema = z.discriminatedUnion('type', [
  serviceAccountSchema,
  authorizedUserSchema,
  externalAccountSchema,
  impersonatedSchema,
]);

/** An identity as the starting point of impersonation. */
export const accessTokensOf = (identity: Identity): AccessTokens => ({
  getAccessToken: async () => ({ token: await identity.accessToken([CLOUD_PLATFORM]) }),
});

const unusable = (foundBy: string, detail: string) => failure('identity-unusable', { detail: `${foundBy}: ${detail}` });

/** Says which fields are wrong, never what they hold. */
const faultsOf = (content: unknown, error: z.ZodError): string => {
  const { data: type } = z.looseObject({ type: z.string() }).safeParse(content);
  if (type === undefined) return 'this is no Google credentials file: it has no "type".';
  if (error.issues.some(({ path }) => path[0] === 'type')) return `credentials of type "${type.type}" are not known.`;
  return `"${type.type}" credentials with something wrong in ${error.issues.map(({ path }) => path.join('.')).join(', ')}.`;
};

const identityOf = (content: unknown, foundBy: string, surroundings: Surroundings): Identity => {
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) throw unusable(foundBy, faultsOf(content, parsed.error));
  const file = parsed.data;
  switch (file.type) {
    case 'service_account':
      return serviceAccount(file, foundBy, surroundings.fetch);
    case 'authorized_user':
      return authorizedUser(file, foundBy, surroundings.fetch);
    case 'external_account':
      return externalAccount(file, foundBy, surroundings);
    case 'impersonated_service_account': {
      const target = accountInUrl(file.service_account_impersonation_url);
      if (target === undefined) throw unusable(foundBy, 'service_account_impersonation_url names no service account.');
      const source = accessTokensOf(identityOf(file.source_credentials, foundBy, surroundings));
      return impersonated({ source, target, delegates: file.delegates ?? [], foundBy, fetch: surroundings.fetch });
    }
  }
};

/** The identity in a credentials file of any kind that Google makes. @throws CourierClientError `identity-unusable` */
export const identityInFile = async (path: string, foundBy: string, surroundings: Surroundings): Promise<Identity> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unusable(foundBy, `${path} cannot be read (${error.code}).`);
  });
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw unusable(foundBy, `${path} is not JSON.`);
  }
  return identityOf(content, `${foundBy} (${path})`, surroundings);
};
