import { createHash } from 'node:crypto';
import { CourierError } from '../errors.ts';

/**
 * Where an object of Cloud Storage goes. An object's name is any text of 1 to 1,024 bytes, of which a file's name and its
 * folders allow less; what they do not allow is replaced by these rules, which docs/pubsub-and-buckets.md tells users.
 */

const MAX_CODE_POINTS = 255;
const MAX_FOLDERS = 32;
const KEPT_EXTENSION = /\.[^.\s]{1,16}$/;

/** Different long names stay different: what is cut off is represented by a hash of the whole. */
const shortened = (segment: string): string => {
  const points = [...segment];
  if (points.length <= MAX_CODE_POINTS) return segment;
  const extension = KEPT_EXTENSION.exec(segment)?.[0] ?? '';
  const mark = `~${createHash('sha256').update(segment).digest('hex').slice(0, 8)}${extension}`;
  return `${points.slice(0, MAX_CODE_POINTS - [...mark].length).join('')}${mark}`;
};

/** A file's or a folder's name: NFC, trimmed, control characters as "_". */
const legal = (segment: string): string => {
  const text = segment
    .normalize('NFC')
    .replaceAll(/\p{Cc}/gu, '_')
    .trim();
  return shortened(text === '' ? '_' : text);
};

/** Empty segments (`a//b`, `/a`) are no folders. A backslash separates as a slash does, as in `path`. */
const segmentsOf = (object: string): string[] => object.split(/[/\\]/).filter((segment) => segment !== '');

const hasDots = (segments: readonly string[]): boolean =>
  segments.some((segment) => ['.', '..'].includes(segment.normalize('NFC').trim()));

/** Folders beyond what a path may have are joined to the last one. */
const foldersOf = (segments: readonly string[]): string[] =>
  segments.length <= MAX_FOLDERS
    ? segments.map(legal)
    : [...segments.slice(0, MAX_FOLDERS - 1).map(legal), legal(segments.slice(MAX_FOLDERS - 1).join('_'))];

type ObjectPlace =
  | { name: string; path: string }
  /** `isLoss`: it may hold bytes that somebody misses. */
  | { ignored: string; isLoss: boolean };

/** The file's name and its folders, or why there is no file to make of the object. */
export const placeOfObject = (object: string): ObjectPlace => {
  // The console, gcsfuse and other tools make such objects so that an empty folder can be seen.
  if (object.endsWith('/'))
    return { ignored: 'the object is a folder placeholder, since its name ends in "/"', isLoss: false };
  const segments = segmentsOf(object);
  if (hasDots(segments)) return { ignored: 'the object has a segment "." or ".." in its name', isLoss: true };
  const name = segments.pop();
  if (name === undefined) return { ignored: 'the name of the object has no segment', isLoss: true };
  return { name: legal(name), path: foldersOf(segments).join('/') };
};

/** The name of an object's file. @throws CourierError `name-invalid` for an object that has none */
export const nameOfObject = (object: string): string => {
  const place = placeOfObject(object);
  if ('name' in place) return place.name;
  throw new CourierError('name-invalid', {
    detail: `The name is empty. ${place.ignored[0]?.toUpperCase()}${place.ignored.slice(1)}.`,
    remedy: 'Say the name of the file in "name".',
  });
};
