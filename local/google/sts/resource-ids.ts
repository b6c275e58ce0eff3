/**
 * IDs of workload identity pools and their providers: 4 to 32 characters of a-z, 0-9 and "-", without the prefix "gcp-"
 * (https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools/create).
 */
const ID = '(?!gcp-)[a-z0-9-]{4,32}';
const POOL = `projects/[^/]+/locations/global/workloadIdentityPools/${ID}`;

const PROVIDER_NAME = new RegExp(`^//iam\\.googleapis\\.com/${POOL}/providers/${ID}$`);
const POOL_MEMBER = new RegExp(`^principal(Set)?://iam\\.googleapis\\.com/${POOL}/.+$`);

/** True for the full resource name of a provider that could exist in IAM. */
export const isProviderName = (audience: string): boolean => PROVIDER_NAME.test(audience);

/** False for a federated member whose pool cannot exist; true for every other member. */
export const isPossibleMember = (member: string): boolean =>
  !/^principal(Set)?:/.test(member) || POOL_MEMBER.test(member);
