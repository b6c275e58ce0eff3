/** True for domains in which Google keeps service accounts; no person has an address there. */
export const isServiceAccountDomain = (domain: string): boolean =>
  domain === 'gserviceaccount.com' || domain.endsWith('.gserviceaccount.com');

/**
 * `PROJECT.iam.gserviceaccount.com`; for a project `example.com:PROJECT`, `PROJECT.example.com.iam.gserviceaccount.com`.
 * Projects that begin with "gcp-sa-" are Google's own, in which the service agents of everybody's projects live side by side
 * (https://cloud.google.com/iam/docs/service-agents).
 */
const OF_ONE_PROJECT = '.iam.gserviceaccount.com';
const PROJECT = /^(?!gcp-sa-)[a-z][a-z0-9-]*[a-z0-9]$/;
const LABEL = /^[a-z0-9-]+$/;

/**
 * True for a domain that holds the service accounts of one project. `developer.gserviceaccount.com` and
 * `appspot.gserviceaccount.com` are none: they hold the default accounts of everybody's projects.
 */
export const isOneProjects = (domain: string): boolean => {
  if (!domain.endsWith(OF_ONE_PROJECT)) return false;
  const [project = '', ...labels] = domain.slice(0, -OF_ONE_PROJECT.length).split('.');
  return PROJECT.test(project) && labels.every((label) => LABEL.test(label));
};

/** "service-PROJECT_NUMBER@…": agents of Google's services, which live in projects of Google's whoever they work for. */
const SERVICE_AGENT = /^service-\d+@/;

/** The one project's domain that a service account's address is in; undefined for Google's agents and shared domains. */
export const projectDomainOf = (email: string): string | undefined => {
  const domain = email.slice(email.lastIndexOf('@') + 1);
  return isOneProjects(domain) && !SERVICE_AGENT.test(email) ? domain : undefined;
};

export const isServiceAccount = (email: string): boolean =>
  isServiceAccountDomain(email.slice(email.lastIndexOf('@') + 1));
