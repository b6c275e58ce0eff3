import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { withoutMark } from '../../text/unicode/byte-order-mark.ts';
import { isFileContent } from '../../text/file-content.ts';
import { failure } from '../errors.ts';
import { systemErrorText } from '../http/system-errors.ts';
import { authorizedUser, authorizedUserSchema } from './authorized-user.ts';
import { externalAccount, externalAccountSchema } from './external-account.ts';
import { type AccessTokens, CLOUD_PLATFORM, type Identity, type SearchContext } from './identity.ts';
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

/** An identity as the source of an impersonation. */
export const accessTokensOf = (identity: Identity): AccessTokens => ({
  getAccessToken: async () => ({ token: await identity.accessToken([CLOUD_PLATFORM]) }),
});

const unusable = (foundBy: string, detail: string) => failure('identity-unusable', { detail: `${foundBy}: ${detail}` });

/** Names the invalid fields, never their values. */
const faultsOf = (content: unknown, error: z.ZodError): string => {
  const { data: type } = z.looseObject({ type: z.string() }).safeParse(content);
  if (type === undefined) return 'not a Google credentials file: it has no "type".';
  if (error.issues.some(({ path }) => path[0] === 'type'))
    return `credentials of type "${type.type}" are not supported.`;
  return `"${type.type}" credentials with invalid fields: ${error.issues.map(({ path }) => path.join('.')).join(', ')}.`;
};

const identityOf = (content: unknown, foundBy: string, context: SearchContext): Identity => {
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) throw unusable(foundBy, faultsOf(content, parsed.error));
  const file = parsed.data;
  switch (file.type) {
    case 'service_account':
      return serviceAccount(file, foundBy, context.fetch);
    case 'authorized_user':
      return authorizedUser(file, foundBy, context.fetch);
    case 'external_account':
      return externalAccount(file, foundBy, context);
    case 'impersonated_service_account': {
      const target = accountInUrl(file.service_account_impersonation_url);
      if (target === undefined)
        throw unusable(foundBy, 'service_account_impersonation_url does not name a service account.');
      const source = accessTokensOf(identityOf(file.source_credentials, foundBy, context));
      return impersonated({ source, target, delegates: file.delegates ?? [], foundBy, fetch: context.fetch });
    }
  }
};

/** The identity in a Google credentials file of any kind. @throws CourierClientError `identity-unusable` */
export const identityInFile = async (path: string, foundBy: string, context: SearchContext): Promise<Identity> => {
  if (isFileContent(path))
    throw unusable(foundBy, 'this is the content of a credentials file. Pass the path of the file.');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unusable(foundBy, `${path}: ${systemErrorText(error) ?? 'Cannot be read'}`);
  });
  let content: unknown;
  try {
    content = JSON.parse(withoutMark(text));
  } catch {
    throw unusable(foundBy, `${path} is not JSON.`);
  }
  return identityOf(content, `${foundBy} (${path})`, context);
};
