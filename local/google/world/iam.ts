import type { Holder } from './access-tokens.ts';
import type { Binding, WorldState } from './state.ts';

/** The permissions of the roles that are implemented here (https://cloud.google.com/iam/docs/roles-permissions). */
const ROLES: Readonly<Record<string, readonly string[]>> = {
  'roles/bigquery.jobUser': ['bigquery.jobs.create'],
  'roles/bigquery.dataViewer': [
    'bigquery.datasets.get',
    'bigquery.tables.get',
    'bigquery.tables.getData',
    'bigquery.tables.list',
  ],
  'roles/bigquery.dataEditor': [
    'bigquery.datasets.create',
    'bigquery.datasets.get',
    'bigquery.tables.create',
    'bigquery.tables.delete',
    'bigquery.tables.get',
    'bigquery.tables.getData',
    'bigquery.tables.list',
    'bigquery.tables.updateData',
  ],
  'roles/iam.serviceAccountTokenCreator': [
    'iam.serviceAccounts.getAccessToken',
    'iam.serviceAccounts.getOpenIdToken',
    'iam.serviceAccounts.implicitDelegation',
    'iam.serviceAccounts.signBlob',
    'iam.serviceAccounts.signJwt',
  ],
  'roles/iam.workloadIdentityUser': ['iam.serviceAccounts.getAccessToken', 'iam.serviceAccounts.getOpenIdToken'],
  'roles/iam.serviceAccountOpenIdTokenCreator': ['iam.serviceAccounts.getOpenIdToken'],
  'roles/pubsub.viewer': [
    'pubsub.subscriptions.get',
    'pubsub.subscriptions.list',
    'pubsub.topics.get',
    'pubsub.topics.list',
  ],
  'roles/secretmanager.secretAccessor': ['secretmanager.versions.access'],
  'roles/secretmanager.secretVersionAdder': ['secretmanager.versions.add'],
  'roles/secretmanager.viewer': [
    'secretmanager.secrets.get',
    'secretmanager.secrets.list',
    'secretmanager.versions.get',
    'secretmanager.versions.list',
  ],
  'roles/serviceusage.serviceUsageConsumer': ['serviceusage.services.use'],
  'roles/secretmanager.admin': [
    'secretmanager.secrets.get',
    'secretmanager.secrets.list',
    'secretmanager.secrets.create',
    'secretmanager.secrets.update',
    'secretmanager.secrets.delete',
    'secretmanager.versions.get',
    'secretmanager.versions.list',
    'secretmanager.versions.access',
    'secretmanager.versions.add',
    'secretmanager.versions.enable',
    'secretmanager.versions.disable',
    'secretmanager.versions.destroy',
  ],
};

/** The names by which a policy can refer to the holder. */
function membersOf(state: WorldState, holder: Holder): string[] {
  if (holder.kind === 'federated') return [...holder.principals];
  const { email, kind } = holder;
  const groups = state.groups.filter(({ members }) => members.includes(email)).map((group) => `group:${group.email}`);
  return [`${kind}:${email}`, ...groups, ...(kind === 'user' ? [`domain:${email.split('@')[1]}`] : [])];
}

/** True when a binding grants the permission to one of the holder's names. */
export function isAllowed(
  state: WorldState,
  holder: Holder,
  bindings: readonly Binding[],
  permission: string,
): boolean {
  const members = membersOf(state, holder);
  return bindings.some(({ role, member }) => members.includes(member) && (ROLES[role] ?? []).includes(permission));
}

/**
 * Project owners have all permissions in Secret Manager and Pub/Sub, but may not impersonate
 * (https://cloud.google.com/iam/docs/roles-overview#basic).
 */
export const isOwner = (state: WorldState, holder: Holder): boolean =>
  holder.kind !== 'federated' && state.owners.includes(holder.email);
