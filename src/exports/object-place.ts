import { createHash } from 'node:crypto';
import { CourierError } from '../errors.ts';
import { normalized } from '../text/unicode/normal-form.ts';

/**
 * Converts the name of a Cloud Storage object to a file name and a path. Object names may be any text of 1 to 1,024
 * bytes; characters and lengths that are not allowed in Drive names are replaced. docs/pubsub-and-buckets.md documents
 * the rules.
 */

const MAX_CODE_POINTS = 255;
const MAX_FOLDERS = 32;
const KEPT_EXTENSION = /\.[^.\s]{1,16}$/;

/** Shortens a long name. A hash of the whole name is appended, so that different names stay different. */
const shortened = (segment: string): string => {
  const points = [...segment];
  if (points.length <= MAX_CODE_POINTS) return segment;
  const extension = KEPT_EXTENSION.exec(segment)?.[0] ?? '';
  const mark = `~${createHash('sha256').update(segment).digest('hex').slice(0, 8)}${extension}`;
  return `${points.slice(0, MAX_CODE_POINTS - [...mark].length).join('')}${mark}`;
};

/** Converts a segment to a valid name: NFC, trimmed, with "_" for control characters. */
const legal = (segment: string): string => {
  const text = normalized(segment)
    .replaceAll(/\p{Cc}/gu, '_')
    .trim();
  return shortened(text === '' ? '_' : text);
};

/** Empty segments (`a//b`, `/a`) are dropped. A backslash is a separator like a slash, as in `path`. */
const segmentsOf = (object: string): string[] => object.split(/[/\\]/).filter((segment) => segment !== '');

const hasDots = (segments: readonly string[]): boolean =>
  segments.some((segment) => ['.', '..'].includes(segment.trim()));

/** Folders beyond the limit of a path are joined to its last folder. */
const foldersOf = (segments: readonly string[]): string[] =>
  segments.length <= MAX_FOLDERS
    ? segments.map(legal)
    : [...segments.slice(0, MAX_FOLDERS - 1).map(legal), legal(segments.slice(MAX_FOLDERS - 1).join('_'))];

type ObjectPlace =
  | { name: string; path: string }
  /** `isLoss`: the object may have content that should have been delivered. */
  | { ignored: string; isLoss: boolean };

/** The name and folders of the file, or the reason why the object is ignored. */
export const placeOfObject = (object: string): ObjectPlace => {
  // The console, gcsfuse and other tools create such objects to show empty folders.
  if (object.endsWith('/'))
    return { ignored: 'the object is a folder placeholder, since its name ends in "/"', isLoss: false };
  const segments = segmentsOf(object);
  if (hasDots(segments)) return { ignored: 'the object has a segment "." or ".." in its name', isLoss: true };
  const name = segments.pop();
  if (name === undefined) return { ignored: 'the name of the object has no segment', isLoss: true };
  return { name: legal(name), path: foldersOf(segments).join('/') };
};

/** The file name for an object. @throws CourierError `name-invalid` if the object is ignored */
export const nameOfObject = (object: string): string => {
  const place = placeOfObject(object);
  if ('name' in place) return place.name;
  throw new CourierError('name-invalid', {
    detail: `The name is empty. ${place.ignored[0]?.toUpperCase()}${place.ignored.slice(1)}.`,
    remedy: 'Set the name of the file with "name".',
  });
};
