import { CourierError } from '../errors.ts';

const ESSENCE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;
/** Without quotes more is taken than a token (RFC 9110, 5.6.6): boundaries with "=" or "/" in them are often sent bare. */
const PARAMETER = /;[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";,]+))[ \t]*/y;

/** With this type Drive makes a document, a folder or a shortcut out of the metadata, whatever the bytes are. */
const DOCS_TYPE = /^application\/vnd\.google-apps\b/;

export const isMediaType = (text: string): boolean => ESSENCE.test(text) && !DOCS_TYPE.test(text);

export interface ContentType {
  /** Lower-case `type/subtype`. */
  mediaType: string;
  /** Names in lower case. */
  parameters: ReadonlyMap<string, string>;
}

const unsupported = (detail: string): CourierError => new CourierError('media-type-unsupported', { detail });

/** Parses a `Content-Type` (RFC 9110, 8.3). @throws CourierError `media-type-unsupported` */
const parseContentType = (header: string): ContentType => {
  const end = header.indexOf(';');
  const mediaType = (end === -1 ? header : header.slice(0, end)).trim().toLowerCase();
  if (!ESSENCE.test(mediaType)) throw unsupported('Content-Type must be like "text/csv".');
  if (DOCS_TYPE.test(mediaType)) {
    throw unsupported('A file cannot be sent as one of Google Docs; send it in its own type, with convertTo.');
  }
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = end === -1 ? header.length : end;
  for (let found = PARAMETER.exec(header); found !== null; found = PARAMETER.exec(header)) {
    const [, name = '', quoted, token = ''] = found;
    if (!parameters.has(name.toLowerCase())) {
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token);
    }
  }
  return { mediaType, parameters };
};

const UNSAID = 'application/octet-stream';

/** The media type to store a raw body under. */
export const storedType = ({ mediaType }: ContentType): string =>
  // What curl says of any --data-binary; nobody keeps such a body as a file.
  mediaType === 'application/x-www-form-urlencoded' ? UNSAID : mediaType;

/** The content type of a request or a part; without one it is `application/octet-stream` (RFC 9110, 8.3). */
export const readContentType = (header: string | null | undefined): ContentType =>
  header === null || header === undefined ? { mediaType: UNSAID, parameters: new Map() } : parseContentType(header);
