import { createHash, randomBytes } from 'node:crypto';
import { newEcKey, newKeyId, rsaKeyNamed } from './keys.ts';
import { APIS, AWS, CLOUD_PLATFORM, DRIVE, EMAILS, FEDERATION, PROJECT, SECRET } from './names.ts';
import type { Binding, ServiceAccount, ServiceAccountKey, WorldState } from './state.ts';

/** An ID of 21 digits that is derived from the email. */
export function numericIdOf(email: string): string {
  const number = BigInt(`0x${createHash('sha256').update(email.toLowerCase()).digest('hex').slice(0, 20)}`);
  return `1${(number % 10n ** 20n).toString().padStart(20, '0')}`;
}

export const newServiceAccount = (
  email: string,
  keys: ServiceAccountKey[] = [],
  bindings: Binding[] = [],
): ServiceAccount => ({
  email,
  uniqueId: numericIdOf(email),
  disabled: false,
  keys,
  delegatedScopes: [],
  bindings,
});

const newKey = (privateKeyPem: string): ServiceAccountKey => ({ id: newKeyId(), privateKeyPem, disabled: false });

const user = (email: string, displayName: string) => ({ email, displayName, sub: numericIdOf(email) });

const TOKEN_CREATOR = 'roles/iam.serviceAccountTokenCreator';
const FEDERATED: Binding[] = [
  {
    role: 'roles/iam.workloadIdentityUser',
    member: `principalSet://iam.googleapis.com/${FEDERATION.pool}/attribute.aws_role/arn:aws:sts::${AWS.account}:assumed-role/${AWS.role}`,
  },
  {
    role: 'roles/iam.workloadIdentityUser',
    member: `principal://iam.googleapis.com/${FEDERATION.pool}/subject/local-workload`,
  },
];
const OPS_MAY: Binding = { role: TOKEN_CREATOR, member: `user:${EMAILS.ops}` };
const RUNTIME_MAY: Binding = { role: TOKEN_CREATOR, member: `serviceAccount:${EMAILS.runtime}` };

/** The initial state. The caller adds the secret's first version, because it can write key files. */
export async function initialState(nowMs: number): Promise<WorldState> {
  const [courier, exporter, stranger, signing, nextSigning, oidc, iap] = await Promise.all([
    ...['courier', 'exporter', 'stranger', 'signing', 'next-signing', 'oidc'].map(rsaKeyNamed),
    newEcKey(),
  ] as [
    Promise<string>,
    Promise<string>,
    Promise<string>,
    Promise<string>,
    Promise<string>,
    Promise<string>,
    Promise<string>,
  ]);
  const oauthClient = {
    id: `${PROJECT.number}-local.apps.googleusercontent.com`,
    secret: `GOCSPX-${randomBytes(18).toString('base64url')}`,
  };
  const refreshToken = (email: string, scopes: string[]) => ({
    token: `1//${randomBytes(48).toString('base64url')}`,
    clientId: oauthClient.id,
    email,
    scopes,
    revoked: false,
  });
  return {
    format: 1,
    project: { ...PROJECT },
    apis: [...APIS],
    owners: [EMAILS.ops],
    bindings: [],
    users: [user(EMAILS.alice, 'Alice Example'), user(EMAILS.bob, 'Bob Example'), user(EMAILS.ops, 'Operations')],
    groups: [{ email: EMAILS.sales, members: [EMAILS.bob] }],
    serviceAccounts: [
      newServiceAccount(EMAILS.courier, [newKey(courier)]),
      newServiceAccount(EMAILS.exporter, [newKey(exporter)], [...FEDERATED]),
      newServiceAccount(EMAILS.stranger, [newKey(stranger)]),
      newServiceAccount(EMAILS.driveWriter, [], [RUNTIME_MAY, OPS_MAY, ...FEDERATED]),
      newServiceAccount(EMAILS.runtime, [], [RUNTIME_MAY]),
      newServiceAccount(EMAILS.pubsubPush),
    ],
    oauthClients: [oauthClient],
    refreshTokens: [
      refreshToken(EMAILS.alice, [DRIVE, CLOUD_PLATFORM, 'openid', 'https://www.googleapis.com/auth/userinfo.email']),
      refreshToken(EMAILS.ops, [CLOUD_PLATFORM, 'openid', 'https://www.googleapis.com/auth/userinfo.email']),
    ],
    signingKeys: [newKey(signing), newKey(nextSigning)],
    iapKeys: [{ id: randomBytes(4).toString('base64url'), privateKeyPem: iap, disabled: false }],
    sealingKey: randomBytes(32).toString('base64'),
    tokensValidFromMs: 0,
    revokedAccessTokens: [],
    secrets: {
      [SECRET]: {
        createTime: new Date(nowMs).toISOString(),
        versions: [],
        aliases: {},
        bindings: [{ role: 'roles/secretmanager.secretAccessor', member: `serviceAccount:${EMAILS.runtime}` }],
      },
    },
    awsIdentities: [
      {
        accessKeyId: AWS.accessKeyId,
        secretAccessKey: AWS.secretAccessKey,
        sessionToken: AWS.sessionToken,
        arn: AWS.arn,
        account: AWS.account,
        userId: 'AROALOCALEXAMPLEROLE1:local-session',
      },
    ],
    oidcIssuer: { issuer: 'https://oidc.local.example', key: newKey(oidc) },
    metadata: { account: EMAILS.runtime, honoursScopes: true, scopes: [CLOUD_PLATFORM], platform: 'cloud-run' },
  };
}
