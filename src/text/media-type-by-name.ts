import { extname } from 'node:path';
import { UNKNOWN_TYPE } from './media-type.ts';

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
export const mediaTypeByName = (name: string): string => MEDIA_TYPES[extname(name).toLowerCase()] ?? UNKNOWN_TYPE;

/**
 * The media type to store a file with. Clients send `application/octet-stream` when they do not know the type (RFC 9110,
 * 8.3), so it is derived from the file name then. Any other type is kept.
 */
export const specificType = (mimeType: string, name: string): string =>
  mimeType === UNKNOWN_TYPE ? mediaTypeByName(name) : mimeType;
