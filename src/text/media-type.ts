import { extname } from 'node:path';
import { createHeaderReader } from './http-grammar.ts';

/*
 * One rule for the media type of a file, wherever it is given: a request's or a part's Content-Type, `mimeType` in JSON or
 * in a message's attributes, an object's own contentType, the client's --mime-type.
 *
 * A type is `type/subtype`, in any case. The parameter `charset` is kept, because it is needed to read the bytes. Other
 * parameters (`header=present`, `name="a.csv"`) are removed.
 */

/** The media type of a file whose type is unknown. */
export const UNKNOWN_TYPE = 'application/octet-stream';

const ESSENCE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;
/** IANA's names of charsets (RFC 2978, section 2.3). */
const CHARSET = /^[\w!#$%&'+^`{}~.:-]{1,40}$/;
/**
 * An unquoted value may have more characters than a token, because boundaries with "=" or "/" are often sent without quotes.
 */
const BARE_VALUE = /[^\s";,]+/y;

/** For such a type Drive creates a document, a folder or a shortcut from the metadata, and ignores the bytes. */
const DOCS_TYPE = /^application\/vnd\.google-apps\b/;

/** True for a type of the Docs editors, and for Drive's other types of its own, such as folders. */
export const isDocsType = (mediaType: string): boolean => DOCS_TYPE.test(mediaType);

/** A parsed `Content-Type` (RFC 9110, 8.3). */
export interface ContentType {
  /** Lower-case `type/subtype`. */
  mediaType: string;
  /** Names in lower case; undefined where they cannot be read. */
  parameters: ReadonlyMap<string, string> | undefined;
}

const readParameters = (text: string): ReadonlyMap<string, string> | undefined => {
  const reader = createHeaderReader(text);
  const parameters = new Map<string, string>();
  while (reader.sign(';')) {
    if (reader.isDone()) break;
    const name = reader.token()?.toLowerCase();
    if (name === undefined) {
      // An empty parameter (`text/csv;;charset=utf-8`) is ignored.
      continue;
    }
    const value = reader.sign('=') ? (reader.quoted() ?? reader.take(BARE_VALUE)) : undefined;
    if (value === undefined || (parameters.has(name) && parameters.get(name) !== value)) return undefined;
    parameters.set(name, value);
  }
  return reader.isDone() ? parameters : undefined;
};

/** Parses a media type. @returns undefined if there is no `type/subtype` */
export const parseContentType = (text: string): ContentType | undefined => {
  const end = text.indexOf(';');
  const mediaType = (end === -1 ? text : text.slice(0, end)).trim().toLowerCase();
  if (!ESSENCE.test(mediaType)) return undefined;
  return { mediaType, parameters: end === -1 ? new Map() : readParameters(text.slice(end)) };
};

/** A type as a file has it, or what is wrong with it. */
export type StoredType = { type: string } | { fault: string };

/** The type to store a file with that was sent with this type. */
export const storedTypeOf = ({ mediaType, parameters }: ContentType): StoredType => {
  if (isDocsType(mediaType)) {
    return {
      fault: 'is a type of Google Docs, which no file can be sent in; send the file in its own type, with convertTo',
    };
  }
  if (mediaType.startsWith('multipart/')) {
    return { fault: 'wraps other content; send the file itself, in its own type' };
  }
  // curl sends this type with any --data-binary. Nobody wants a form stored as a file.
  if (mediaType === 'application/x-www-form-urlencoded') return { type: UNKNOWN_TYPE };
  if (parameters === undefined) return { fault: 'has parameters that cannot be read' };
  const charset = parameters.get('charset')?.toLowerCase();
  if (charset === undefined) return { type: mediaType };
  if (!CHARSET.test(charset)) return { fault: 'has a charset that is not a name like "utf-8"' };
  return { type: `${mediaType}; charset=${charset}` };
};

/** The type to store a file with, from a header or an option. */
export const readStoredType = (text: string): StoredType => {
  const parsed = parseContentType(text);
  return parsed === undefined ? { fault: 'is not a media type like "text/csv"' } : storedTypeOf(parsed);
};

/** Types of files that systems export and people open in Drive. For other names Drive derives the type itself. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.avro': 'application/avro',
  '.csv': 'text/csv',
  '.doc': 'application/msword',
  '.docx': 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  '.eml': 'message/rfc822',
  '.gif': 'image/gif',
  '.gz': 'application/gzip',
  '.htm': 'text/html',
  '.html': 'text/html',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.log': 'text/plain',
  '.md': 'text/markdown',
  '.mov': 'video/quicktime',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.ndjson': 'application/x-ndjson',
  '.odp': 'application/vnd.oasis.opendocument.presentation',
  '.ods': 'application/vnd.oasis.opendocument.spreadsheet',
  '.odt': 'application/vnd.oasis.opendocument.text',
  '.parquet': 'application/vnd.apache.parquet',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.ppt': 'application/vnd.ms-powerpoint',
  '.pptx': 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  '.rtf': 'application/rtf',
  '.svg': 'image/svg+xml',
  '.tar': 'application/x-tar',
  '.tsv': 'text/tab-separated-values',
  '.txt': 'text/plain',
  '.wav': 'audio/wav',
  '.webp': 'image/webp',
  '.xls': 'application/vnd.ms-excel',
  '.xlsx': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  '.xml': 'application/xml',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.zip': 'application/zip',
};

/** The media type for the extension of a file name; `application/octet-stream` for an unknown extension. */
export const mediaTypeByName = (name: string | undefined): string =>
  MEDIA_TYPES[extname(name ?? '').toLowerCase()] ?? UNKNOWN_TYPE;

/**
 * The media type to store a file with. Clients send `application/octet-stream` when they do not know the type (RFC 9110,
 * 8.3), so it is derived from the file name then. Any other type is kept.
 */
export const specificType = (mimeType: string, name: string | undefined): string =>
  mimeType === UNKNOWN_TYPE ? mediaTypeByName(name) : mimeType;
