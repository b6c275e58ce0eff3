import { AwsClient, IdentityPoolClient, PluggableAuthClient } from 'google-auth-library';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { needsProviderChain, providerChain } from './aws-credentials.ts';
import { type AccessTokens, CLOUD_PLATFORM, type Identity, type SearchContext } from './identity.ts';
import { accountInUrl, impersonated } from './impersonated.ts';
import { identityError } from './refusal.ts';
import { routeTokenExchange, transporterOptions } from './transporter.ts';

export const externalAccountSchema = z.looseObject({
  type: z.literal('external_account'),
  audience: z.string().min(1),
  subject_token_type: z.string().min(1),
  token_url: z.string().default('https://sts.googleapis.com/v1/token'),
  service_account_impersonation_url: z.string().optional(),
  credential_source: z.looseObject({
    environment_id: z.string().optional(),
    url: z.string().optional(),
    imdsv2_session_token_url: z.string().optional(),
    executable: z.unknown().optional(),
  }),
});
type ExternalFile = z.infer<typeof externalAccountSchema>;

const EC2_CREDENTIALS = 'http://169.254.169.254/';

/** Files written without `--enable-imdsv2` lack this URL. Instances that require IMDSv2, which is the default, then answer 401. */
const withImdsV2 = (source: ExternalFile['credential_source']): ExternalFile['credential_source'] =>
  source.url?.startsWith(EC2_CREDENTIALS) && source.imdsv2_session_token_url === undefined
    ? { ...source, imdsv2_session_token_url: `${EC2_CREDENTIALS}latest/api/token` }
    : source;

/**
 * The federated identity itself, which is only useful as the source of an impersonation. The file's impersonation URL is left
 * out, because the federated principal must call `generateIdToken`.
 */
const federated = (file: ExternalFile, { env, fetch }: SearchContext): AccessTokens => {
  const { service_account_impersonation_url: _, credential_source: source, ...rest } = file;
  const options = {
    ...rest,
    scopes: [CLOUD_PLATFORM],
    transporterOptions: transporterOptions(fetch),
  };
  if (source.environment_id?.startsWith('aws') !== true) {
    const kind = source.executable === undefined ? IdentityPoolClient : PluggableAuthClient;
    return routeTokenExchange(new kind({ ...options, credential_source: source } as never));
  }
  const found = needsProviderChain(env)
    ? { aws_security_credentials_supplier: providerChain(env) }
    : { credential_source: withImdsV2(source) };
  return routeTokenExchange(new AwsClient({ ...options, ...found } as never));
};

/** Workload identity federation: AWS, Azure, GitHub Actions, any OIDC or SAML issuer. */
export const externalAccount = (file: ExternalFile, foundBy: string, context: SearchContext): Identity => {
  const source = (() => {
    try {
      return federated(file, context);
    } catch (error) {
      throw identityError(error, foundBy);
    }
  })();
  const target = accountInUrl(file.service_account_impersonation_url ?? '');
  if (target !== undefined) {
    const identity = impersonated({ source, target, foundBy, fetch: context.fetch });
    return { ...identity, kind: 'external-account' };
  }
  return {
    kind: 'external-account',
    foundBy,
    idToken: async () => {
      throw failure('identity-cannot-mint', {
        detail:
          'A federated identity cannot get an ID token of its own, and the credentials file names no service account.',
      });
    },
    accessToken: async () => {
      try {
        const { token } = await source.getAccessToken();
        if (typeof token !== 'string') throw new Error('no token in the answer');
        return token;
      } catch (error) {
        throw identityError(error, 'the federated identity');
      }
    },
  };
};
