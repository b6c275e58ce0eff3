/** `projects/PROJECT/[locations/LOCATION/]secrets/SECRET[/versions/VERSION]` */
const NAME =
  /^projects\/(?<project>[^/\s]+)\/(?:locations\/(?<location>[\w-]+)\/)?secrets\/(?<secret>[\w-]+)(?:\/versions\/(?<version>[\w-]+))?$/;

/** The name of a secret in Secret Manager, or of one of its versions. */
export interface SecretName {
  /** A project id or number. */
  project: string;
  /** Of a regional secret. */
  location: string | undefined;
  secret: string;
  version: string | undefined;
}

/** The parts of a secret's name; undefined if the text is not one. */
export const parseSecretName = (text: string): SecretName | undefined => {
  const { project, location, secret, version } = NAME.exec(text)?.groups ?? {};
  return project === undefined || secret === undefined ? undefined : { project, location, secret, version };
};

/** Regional secrets have endpoints of their own: https://cloud.google.com/secret-manager/docs/regional-secrets-overview */
export const secretManagerHost = ({ location }: Pick<SecretName, 'location'>): string =>
  location === undefined ? 'secretmanager.googleapis.com' : `secretmanager.${location}.rep.googleapis.com`;

const isNumber = (project: string): boolean => /^\d+$/.test(project);

/**
 * Whether two names mean the same secret, regardless of the version. Secret Manager's events name the project by its number,
 * and configurations mostly by its id. Which number belongs to which id is not known here, so a number and an id count as
 * the same.
 */
export const isSameSecret = (oneName: string, otherName: string): boolean => {
  const one = parseSecretName(oneName);
  const other = parseSecretName(otherName);
  if (one === undefined || other === undefined) return false;
  if (one.secret !== other.secret || one.location !== other.location) return false;
  return one.project === other.project || isNumber(one.project) !== isNumber(other.project);
};
