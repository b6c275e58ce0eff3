import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';

const CONTROL = /\p{Cc}/u;
const MAX_CODE_POINTS = 255;
const MAX_FOLDERS = 32;
/** Longer than any path that is taken, and long enough for its fault to be found in what is left. */
const MAX_PATH_UNITS = 1_048_576;

/**
 * UTF-16 units beyond which no name is looked at: normalization and spaces may shorten a name, but not by this much, and
 * both take long on a text of megabytes.
 */
const MAX_UNITS = 16_384;

/** Drive takes any name; these are the contract's rules. What is wrong with a name, or undefined. */
const faultIn = (name: string): string | undefined => {
  if (name.length > MAX_UNITS) return `has more than ${MAX_CODE_POINTS} characters`;
  if (!name.isWellFormed()) return 'is not well-formed Unicode (a lone surrogate)';
  if (CONTROL.test(name)) return 'has a control character';
  const { length } = [...name];
  if (length === 0) return 'is empty';
  if (length > MAX_CODE_POINTS) return `has ${length} characters; ${MAX_CODE_POINTS} are the most`;
  if (name === '.' || name === '..') return `is "${name}"`;
  return undefined;
};

/** Unicode NFC, so that one name is one name wherever it was typed; spaces around it are nobody's wish. */
const normalize = (name: string): string => (name.length > MAX_UNITS ? name : name.normalize('NFC').trim());

const issue = (code: ErrorCode, message: string) => ({ code: 'custom' as const, message, params: { code } });

/** A file's name: NFC, trimmed, 1 to 255 code points, without control characters, lone surrogates, "/" and "\". */
export const fileName = z
  .string()
  .transform(normalize)
  .superRefine((name, context) => {
    const fault =
      name.length <= MAX_UNITS && /[/\\]/.test(name) ? 'has "/" or "\\"; folders go into "path"' : faultIn(name);
    if (fault !== undefined) context.addIssue(issue('name-invalid', fault));
  });

/** Folders below the destination's, separated by "/" (or "\"); "" is the destination's own folder. */
export const folderPath = z
  .string()
  .transform((path) =>
    path === ''
      ? []
      : path
          .slice(0, MAX_PATH_UNITS)
          .split(/[/\\]/, MAX_FOLDERS + 1)
          .map(normalize),
  )
  .superRefine((folders, context) => {
    if (folders.length > MAX_FOLDERS) {
      context.addIssue(issue('path-invalid', `has more than ${MAX_FOLDERS} folders`));
      return;
    }
    for (const [index, folder] of folders.entries()) {
      const fault = faultIn(folder);
      if (fault !== undefined) context.addIssue(issue('path-invalid', `folder ${index + 1} ${fault}`));
    }
  })
  .transform((folders) => folders.join('/'));

/** The name of a file whose bytes are stored in an encoded form; one that ends so already stays. */
export const withSuffix = (name: string, suffix: string | undefined): string =>
  suffix === undefined || name.toLowerCase().endsWith(suffix.toLowerCase()) ? name : `${name}${suffix}`;
