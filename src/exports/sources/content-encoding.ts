/** How an object is stored that has a `Content-Encoding`: its bytes are delivered as they are stored, so they need a type and a name of their own. */
export interface StoredForm {
  mimeType: string;
  /** What the file's name has to end with, for whoever opens it: `.gz`. */
  suffix: string;
}

const UNKNOWN_BYTES = 'application/octet-stream';

/** RFC 9110 section 8.4.1 and RFC 8878; Brotli and deflate have no registered media type. */
const FORMS: Readonly<Record<string, StoredForm>> = {
  gzip: { mimeType: 'application/gzip', suffix: '.gz' },
  'x-gzip': { mimeType: 'application/gzip', suffix: '.gz' },
  br: { mimeType: UNKNOWN_BYTES, suffix: '.br' },
  zstd: { mimeType: 'application/zstd', suffix: '.zst' },
  deflate: { mimeType: UNKNOWN_BYTES, suffix: '.zz' },
  compress: { mimeType: UNKNOWN_BYTES, suffix: '.Z' },
  'x-compress': { mimeType: UNKNOWN_BYTES, suffix: '.Z' },
};

/** Words that uploaders write there and that change no byte. */
const NO_ENCODING = new Set(['', 'identity', 'none', 'binary', '7bit', '8bit', 'utf-8', 'utf8', 'aws-chunked']);

/**
 * @param contentEncoding codings in the order in which they were applied, separated by commas
 * @returns undefined where the bytes are what the object's own type says
 */
export const storedFormOf = (contentEncoding: string | undefined): StoredForm | undefined => {
  const codings = (contentEncoding ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => !NO_ENCODING.has(coding));
  if (codings.length === 0) return undefined;
  const forms = codings.map((coding) =>
    Object.hasOwn(FORMS, coding) ? FORMS[coding] : { mimeType: UNKNOWN_BYTES, suffix: '' },
  );
  return {
    mimeType: forms.at(-1)?.mimeType ?? UNKNOWN_BYTES,
    suffix: forms.map((form) => form?.suffix ?? '').join(''),
  };
};
