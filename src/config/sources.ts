import { z } from 'zod';

/** https://cloud.google.com/storage/docs/buckets#naming */
const BUCKET = /^gs:\/\/[a-z0-9][\w.-]{1,220}[a-z0-9]$/;
const MAX_OBJECT_NAME_BYTES = 1024;

/** True for a name with a segment that some programs take for "this folder" or "the folder above". */
export const hasDotSegment = (name: string): boolean => name.split('/').some((part) => part === '.' || part === '..');

/** What is wrong with an entry of `sources`; undefined: nothing. */
const faultOf = (text: string): string | undefined => {
  const slash = text.indexOf('/', 'gs://'.length);
  const bucket = slash === -1 ? text : text.slice(0, slash);
  if (!BUCKET.test(bucket)) return `"${text}" is not gs://BUCKET/ or gs://BUCKET/PREFIX/`;
  const prefix = slash === -1 ? '' : text.slice(slash + 1);
  if (/[*?]/.test(prefix)) return `"${text}" has a wildcard; a prefix ends with "/" and needs none`;
  if (prefix !== '' && !prefix.endsWith('/')) {
    // It would take in "PREFIX-private/…", too.
    return `"${text}" must end with "/": everything below "${text}/" may be delivered then`;
  }
  if (hasDotSegment(prefix)) return `"${text}" has the segment "." or "..", which is no folder in Cloud Storage`;
  if (!prefix.isWellFormed() || /\p{Cc}/u.test(prefix) || Buffer.byteLength(prefix) > MAX_OBJECT_NAME_BYTES) {
    return `"${text}" cannot begin the name of an object`;
  }
  return undefined;
};

const source = z
  .string()
  .superRefine((text, context) => {
    const message = faultOf(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  // "gs://BUCKET" can only mean the whole bucket.
  .transform((text) => (text.indexOf('/', 'gs://'.length) === -1 ? `${text}/` : text));

/** Which objects of Cloud Storage may be delivered: all those below one of these. None unless they are listed. */
export const sources = z.array(source).default([]);
