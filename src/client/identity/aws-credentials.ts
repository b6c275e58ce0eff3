import type { AwsSecurityCredentialsSupplier } from 'google-auth-library';
import { failure } from '../errors.ts';
import { isError } from '../realms.ts';
import type { SearchContext } from './identity.ts';

type Env = SearchContext['env'];

/** Set on ECS, by EKS Pod Identity, by EKS service-account roles, and by users of profiles. */
const CHAIN_VARIABLES = [
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_PROFILE',
] as const;

/** True if google-auth-library alone finds no AWS credentials. It reads only the environment (Lambda) and the instance metadata (EC2). */
export const needsProviderChain = (env: Env): boolean =>
  !(env.AWS_ACCESS_KEY_ID && env.AWS_SECRET_ACCESS_KEY) && CHAIN_VARIABLES.some((name) => env[name]);

const loadSdk = async () => {
  try {
    return await import('@aws-sdk/credential-providers');
  } catch (error) {
    throw failure('identity-unusable', {
      detail: 'AWS credentials of ECS, EKS and profiles require the AWS SDK, which is not installed.',
      remedy: 'Run "npm install @aws-sdk/credential-providers" where drive-courier is installed.',
      cause: error,
    });
  }
};

/** The AWS SDK's provider chain, in the form that google-auth-library takes. The SDK is loaded on first use. */
export const providerChain = (env: Env): AwsSecurityCredentialsSupplier => {
  let credentials: ReturnType<Awaited<ReturnType<typeof loadSdk>>['fromNodeProviderChain']> | undefined;
  return {
    getAwsRegion: async () => {
      const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
      if (region === undefined) {
        throw failure('identity-unusable', { detail: 'The AWS region is unknown.', remedy: 'Set AWS_REGION.' });
      }
      return region;
    },
    getAwsSecurityCredentials: async () => {
      credentials ??= (await loadSdk()).fromNodeProviderChain();
      const { accessKeyId, secretAccessKey, sessionToken } = await credentials().catch((error: unknown) => {
        const detail = isError(error) ? error.message : 'no reason given';
        throw failure('identity-unusable', {
          detail: `The AWS SDK found no credentials: ${detail}`,
          remedy: 'Check the task role, pod identity or profile; "aws sts get-caller-identity" must succeed here.',
        });
      });
      return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { token: sessionToken }) };
    },
  };
};
