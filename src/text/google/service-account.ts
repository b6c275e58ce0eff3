/** True for the domains of Google's service accounts. No person has an address there. */
export const isServiceAccountDomain = (domain: string): boolean =>
  domain === 'gserviceaccount.com' || domain.endsWith('.gserviceaccount.com');

export const isServiceAccount = (email: string | undefined): boolean =>
  email !== undefined && isServiceAccountDomain(email.slice(email.lastIndexOf('@') + 1));

/**
 * `PROJECT.iam.gserviceaccount.com`; for a project `example.com:PROJECT`, `PROJECT.example.com.iam.gserviceaccount.com`.
 * Projects whose ids begin with "gcp-sa-" are Google's own; they hold the service agents of all customers' projects
 * (https://cloud.google.com/iam/docs/service-agents).
 */
const PROJECT_SUFFIX = '.iam.gserviceaccount.com';
const PROJECT = /^(?!gcp-sa-)[a-z][a-z0-9-]*[a-z0-9]$/;
const LABEL = /^[a-z0-9-]+$/;

/**
 * True for a domain that holds the service accounts of one project. It is false for `developer.gserviceaccount.com` and
 * `appspot.gserviceaccount.com`, which hold the default accounts of all projects.
 */
export const isProjectDomain = (domain: string): boolean => {
  if (!domain.endsWith(PROJECT_SUFFIX)) return false;
  const [project = '', ...labels] = domain.slice(0, -PROJECT_SUFFIX.length).split('.');
  return PROJECT.test(project) && labels.every((label) => LABEL.test(label));
};

/**
 * "service-PROJECT_NUMBER@…" is an agent of a Google service. It belongs to a project of Google's, not to the project that
 * it works for.
 */
const SERVICE_AGENT = /^service-\d+@/;

/** The domain of the one project that a service account belongs to; undefined for Google's service agents and shared domains. */
export const projectDomainOf = (email: string): string | undefined => {
  const domain = email.slice(email.lastIndexOf('@') + 1);
  return isProjectDomain(domain) && !SERVICE_AGENT.test(email) ? domain : undefined;
};

const IN_PROJECT = /@([a-z0-9.:-]+)\.iam\.gserviceaccount\.com$/;

/** The project in the address of a service account; undefined for default accounts and people. */
export const projectOfAccount = (email: string | undefined): string | undefined => IN_PROJECT.exec(email ?? '')?.[1];
