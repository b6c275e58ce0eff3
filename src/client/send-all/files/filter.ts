import ignore from 'ignore';
import { failure } from '../../errors.ts';

/** Which files of a folder are sent. Paths are relative to that folder, with "/". */
export interface Filter {
  includesFile(path: string): boolean;
  /** False if nothing below the folder can be sent. */
  entersFolder(path: string): boolean;
}

/** The library keeps the result for every path that it was asked about, so it is replaced now and then. */
const MAX_ASKED = 1_000;

/** @returns whether a path matches the patterns; a folder's path ends with "/" */
export const createMatcher = (patterns: readonly string[]): ((path: string) => boolean) => {
  // Linux's file names are case-sensitive, and the result must not depend on the machine.
  const create = () => ignore({ ignorecase: false }).add(patterns);
  let matcher = create();
  let asked = 0;
  return (path) => {
    asked += 1;
    if (asked % MAX_ASKED === 0) matcher = create();
    return matcher.ignores(path);
  };
};

const checked = (option: string, patterns: readonly string[]): void => {
  if (patterns.some((pattern) => pattern.trim() === '')) throw failure('usage', { detail: `${option} is empty.` });
};

/** @throws CourierClientError `usage` for an empty pattern */
export const createFilter = (include: readonly string[] = [], exclude: readonly string[] = []): Filter => {
  checked('include', include);
  checked('exclude', exclude);
  const isIncluded = include.length === 0 ? () => true : createMatcher(include);
  const isExcluded = exclude.length === 0 ? () => false : createMatcher(exclude);
  return {
    includesFile: (path) => isIncluded(path) && !isExcluded(path),
    entersFolder: (path) => !isExcluded(`${path}/`),
  };
};
