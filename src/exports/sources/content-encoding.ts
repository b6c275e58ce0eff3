/**
 * The media type and name suffix of an object with a `Content-Encoding`. Its bytes are delivered as they are stored, so
 * the type and name of the decoded content do not fit.
 */
export interface StoredForm {
  mimeType: string;
  /** The suffix of the file name, such as `.gz`. */
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

/** Values that some uploaders set although the content is not encoded. */
const NO_ENCODING = new Set(['', 'identity', 'none', 'binary', '7bit', '8bit', 'utf-8', 'utf8', 'aws-chunked']);

/**
 * @param contentEncoding codings in the order in which they were applied, separated by commas
 * @returns undefined if the content is not encoded
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
