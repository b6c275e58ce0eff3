import { z } from 'zod';

/** https://cloud.google.com/storage/docs/buckets#naming */
const BUCKET = /^gs:\/\/[a-z0-9][\w.-]{1,220}[a-z0-9]$/;
const MAX_OBJECT_NAME_BYTES = 1024;

/** True for a name with a "." or ".." segment, which some programs resolve as this folder or its parent. */
export const hasDotSegment = (name: string): boolean => name.split('/').some((part) => part === '.' || part === '..');

/** What is wrong with an entry of `sources`; undefined if nothing is. */
const faultOf = (text: string): string | undefined => {
  const slash = text.indexOf('/', 'gs://'.length);
  const bucket = slash === -1 ? text : text.slice(0, slash);
  if (!BUCKET.test(bucket)) return `"${text}" is not gs://BUCKET/ or gs://BUCKET/PREFIX/`;
  const prefix = slash === -1 ? '' : text.slice(slash + 1);
  if (/[*?]/.test(prefix)) return `"${text}" has a wildcard; a prefix that ends with "/" needs none`;
  if (prefix !== '' && !prefix.endsWith('/')) {
    // Without the slash it would also match "PREFIX-private/…".
    return `"${text}" must end with "/", so that it means everything below "${text}/"`;
  }
  if (hasDotSegment(prefix)) return `"${text}" has the segment "." or "..", which are not folders in Cloud Storage`;
  if (!prefix.isWellFormed() || /\p{Cc}/u.test(prefix) || Buffer.byteLength(prefix) > MAX_OBJECT_NAME_BYTES) {
    return `"${text}" cannot be the beginning of an object name`;
  }
  return undefined;
};

const source = z
  .string()
  .superRefine((text, context) => {
    const message = faultOf(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  // "gs://BUCKET" means the whole bucket.
  .transform((text) => (text.indexOf('/', 'gs://'.length) === -1 ? `${text}/` : text));

/** The Cloud Storage objects that may be exported: all those below one of these prefixes. The default is none. */
export const sources = z.array(source).default([]);
