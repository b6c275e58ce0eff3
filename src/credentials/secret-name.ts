/** `projects/P/[locations/L/]secrets/S[/versions/V]` */
const NAME = /^projects\/([^/]+)\/(?:locations\/([^/]+)\/)?secrets\/([^/]+)(?:\/versions\/[^/]+)?$/;

const isNumber = (project: string): boolean => /^\d+$/.test(project);

/**
 * Whether two names mean the same secret, whatever the version. Secret Manager's events name the project by its number,
 * configurations mostly by its id; which number is whose is not known here, so such a pair counts as the same.
 */
export const isSameSecret = (one: string, other: string): boolean => {
  const [, projectOne = '', locationOne, secretOne] = NAME.exec(one) ?? [];
  const [, projectOther = '', locationOther, secretOther] = NAME.exec(other) ?? [];
  if (secretOne === undefined || secretOne !== secretOther || locationOne !== locationOther) return false;
  return projectOne === projectOther || isNumber(projectOne) !== isNumber(projectOther);
};
