import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';

const CONTROL = /\p{Cc}/u;
const MAX_CODE_POINTS = 255;
const MAX_FOLDERS = 32;
/** UTF-16 units. Far longer than any valid path, and short enough to be checked quickly. */
const MAX_PATH_UNITS = 1_048_576;

/**
 * UTF-16 units of a trimmed name. Longer names are rejected before they are normalized, because that takes quadratic time for
 * combining marks. No name of this length is valid: at most four code points are composed to one.
 */
const MAX_UNITS = 2 * 4 * MAX_CODE_POINTS;

/** What is wrong with a name, or undefined. Drive accepts any name; these rules are the courier's own. */
const faultIn = (name: string): string | undefined => {
  if (name.length > MAX_UNITS) return `has more than ${MAX_CODE_POINTS} characters`;
  if (!name.isWellFormed()) return 'is not well-formed Unicode (a lone surrogate)';
  if (CONTROL.test(name)) return 'has a control character';
  const { length } = [...name];
  if (length === 0) return 'is empty';
  if (length > MAX_CODE_POINTS) return `has ${length} characters; the maximum is ${MAX_CODE_POINTS}`;
  if (name === '.' || name === '..') return `is "${name}"`;
  return undefined;
};

/** Unicode NFC, because systems encode the same name differently, and without spaces around it. */
const normalize = (name: string): string => {
  const trimmed = name.trim();
  return trimmed.length > MAX_UNITS ? trimmed : trimmed.normalize('NFC').trim();
};

const issue = (code: ErrorCode, message: string) => ({ code: 'custom' as const, message, params: { code } });

/** A file name: NFC, trimmed, 1 to 255 code points, without control characters, lone surrogates, "/" and "\". Issues carry the code `name-invalid`. */
export const fileName = z
  .string()
  .transform(normalize)
  .superRefine((name, context) => {
    const fault =
      name.length <= MAX_UNITS && /[/\\]/.test(name) ? 'has "/" or "\\"; folders go into "path"' : faultIn(name);
    if (fault !== undefined) context.addIssue(issue('name-invalid', fault));
  });

const isSlash = (character: string | undefined): boolean => character === '/' || character === '\\';

/** Written by hand, since a regular expression for it takes quadratic time. */
const withoutOuterSlashes = (path: string): string => {
  let [start, end] = [0, path.length];
  while (start < end && isSlash(path[start])) start += 1;
  while (end > start && isSlash(path[end - 1])) end -= 1;
  return path.slice(start, end);
};

/** The names of the folders of a path, from the outermost to the innermost. */
export const segmentsOf = (path: string): string[] => path.split('/').filter((segment) => segment !== '');

/**
 * Folders below the destination's folder, separated by "/" or "\", each a valid name; "" is the destination's own folder.
 * Slashes at the beginning and at the end are ignored.
 */
export const folderPath = z
  .string()
  .transform((given) => {
    const path = withoutOuterSlashes(given).slice(0, MAX_PATH_UNITS);
    return path === '' ? [] : path.split(/[/\\]/, MAX_FOLDERS + 1).map(normalize);
  })
  .superRefine((folders, context) => {
    if (folders.length > MAX_FOLDERS) {
      context.addIssue(issue('path-invalid', `has more than ${MAX_FOLDERS} folders`));
      return;
    }
    for (const [index, folder] of folders.entries()) {
      const fault = faultIn(folder);
      if (fault !== undefined)
        context.addIssue(issue('path-invalid', `is invalid, because folder ${index + 1} ${fault}`));
    }
  })
  .transform((folders) => folders.join('/'));

/** The name with the suffix of its encoding, such as `.gz`, unless it ends with it already. */
export const withSuffix = (name: string, suffix: string | undefined): string =>
  suffix === undefined || name.toLowerCase().endsWith(suffix.toLowerCase()) ? name : `${name}${suffix}`;
