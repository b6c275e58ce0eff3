import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AWS_PATH } from '../aws-instance.ts';
import { AWS, EMAILS, FEDERATION } from './names.ts';
import type { ServiceAccount, ServiceAccountKey, WorldState } from './state.ts';

/** A key file in the format of `gcloud iam service-accounts keys create`. */
export interface KeyFile {
  type: 'service_account';
  project_id: string;
  private_key_id: string;
  private_key: string;
  client_email: string;
  client_id: string;
  auth_uri: string;
  token_uri: string;
  auth_provider_x509_cert_url: string;
  client_x509_cert_url: string;
  universe_domain: string;
}

export const REAL_TOKEN_URI = 'https://oauth2.googleapis.com/token';

export const keyFileOf = (
  project: string,
  account: ServiceAccount,
  key: ServiceAccountKey,
  tokenUri: string,
): KeyFile => ({
  type: 'service_account',
  project_id: project,
  private_key_id: key.id,
  private_key: key.privateKeyPem,
  client_email: account.email,
  client_id: account.uniqueId,
  auth_uri: 'https://accounts.google.com/o/oauth2/auth',
  token_uri: tokenUri,
  auth_provider_x509_cert_url: 'https://www.googleapis.com/oauth2/v1/certs',
  client_x509_cert_url: `https://www.googleapis.com/robot/v1/metadata/x509/${encodeURIComponent(account.email)}`,
  universe_domain: 'googleapis.com',
});

const externalAccount = (origin: string, audience: string, rest: object): object => ({
  universe_domain: 'googleapis.com',
  type: 'external_account',
  audience,
  token_url: `${origin}/sts.googleapis.com/v1/token`,
  ...rest,
});

const impersonationUrl = (origin: string, email: string): string =>
  `${origin}/iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${email}:generateAccessToken`;

const AWS_SOURCE = {
  subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
  credential_source: {
    environment_id: 'aws1',
    regional_cred_verification_url: 'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
  },
};

/**
 * The file of `gcloud iam workload-identity-pools create-cred-config --aws --enable-imdsv2`, with this server's
 * addresses.
 */
const ec2Source = (origin: string): object => {
  const latest = `${origin}${AWS_PATH}/latest`;
  return {
    ...AWS_SOURCE,
    credential_source: {
      ...AWS_SOURCE.credential_source,
      region_url: `${latest}/meta-data/placement/availability-zone`,
      url: `${latest}/meta-data/iam/security-credentials`,
      imdsv2_session_token_url: `${latest}/api/token`,
    },
  };
};

/** The environment variables of a Lambda function with this role. */
export const AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: AWS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: AWS.secretAccessKey,
  AWS_SESSION_TOKEN: AWS.sessionToken,
  AWS_REGION: 'eu-central-1',
} as const;

const authorizedUsers = (origin: string, state: WorldState): [string, object][] =>
  [EMAILS.alice, EMAILS.ops].flatMap((email) => {
    const refresh = state.refreshTokens.find((each) => each.email === email && !each.revoked);
    const client = state.oauthClients.find(({ id }) => id === refresh?.clientId);
    if (refresh === undefined || client === undefined) return [];
    const file = {
      type: 'authorized_user',
      client_id: client.id,
      client_secret: client.secret,
      refresh_token: refresh.token,
      token_uri: `${origin}/oauth2.googleapis.com/token`,
      universe_domain: 'googleapis.com',
    };
    return [[`authorized-user-${email.split('@')[0]}.json`, file]];
  });

/** The paths of the files in `DATA/keys`, by name without `.json`. */
export type KeyFiles = Readonly<Record<string, string>>;

/**
 * Writes a credential file of every kind that Google's libraries read, with this server's addresses.
 * @param subjectToken the token for the credential source of the OIDC file
 */
export function writeKeyFiles(dataDir: string, origin: string, state: WorldState, subjectToken: string): KeyFiles {
  const folder = join(dataDir, 'keys');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const tokenPath = join(folder, 'oidc-token.jwt');
  const oidcSource = {
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    credential_source: { file: tokenPath, format: { type: 'text' } },
  };
  const impersonating = { service_account_impersonation_url: impersonationUrl(origin, EMAILS.driveWriter) };
  const source = authorizedUsers(origin, state).find(([name]) => name === 'authorized-user-ops.json')?.[1];
  const keyOf = ({ email, keys }: ServiceAccount): [string, object][] => {
    const account = state.serviceAccounts.find((each) => each.email === email);
    const key = keys.findLast(({ disabled }) => !disabled);
    if (account === undefined || key === undefined) return [];
    const file = keyFileOf(state.project.id, account, key, `${origin}/oauth2.googleapis.com/token`);
    return [[`${email.split('@')[0]}.json`, file]];
  };
  const files: [string, object][] = [
    ...state.serviceAccounts.flatMap(keyOf),
    ...authorizedUsers(origin, state),
    ['external-account-aws.json', externalAccount(origin, FEDERATION.awsProvider, { ...AWS_SOURCE, ...impersonating })],
    [
      'external-account-ec2.json',
      externalAccount(origin, FEDERATION.awsProvider, { ...ec2Source(origin), ...impersonating }),
    ],
    ['external-account-ec2-direct.json', externalAccount(origin, FEDERATION.awsProvider, ec2Source(origin))],
    ['external-account-aws-direct.json', externalAccount(origin, FEDERATION.awsProvider, AWS_SOURCE)],
    [
      'external-account-oidc.json',
      externalAccount(origin, FEDERATION.oidcProvider, { ...oidcSource, ...impersonating }),
    ],
    ['external-account-oidc-direct.json', externalAccount(origin, FEDERATION.oidcProvider, oidcSource)],
    [
      'impersonated-service-account.json',
      {
        type: 'impersonated_service_account',
        service_account_impersonation_url: impersonationUrl(origin, EMAILS.driveWriter),
        delegates: [],
        source_credentials: source ?? {},
        universe_domain: 'googleapis.com',
      },
    ],
    ['aws-environment.json', AWS_ENVIRONMENT],
  ];
  writeFileSync(tokenPath, subjectToken, { mode: 0o600 });
  for (const [name, content] of files)
    writeFileSync(join(folder, name), `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  return Object.fromEntries(files.map(([name]) => [name.replace(/\.json$/, ''), join(folder, name)]));
}
