import { CourierError } from '../../errors.ts';
import { type ContentType, parseContentType, storedTypeOf, UNKNOWN_TYPE } from '../../text/media-type.ts';

const unsupported = (detail: string, remedy?: string): CourierError =>
  new CourierError('media-type-unsupported', { detail, ...(remedy === undefined ? {} : { remedy }) });

const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/**
 * The content type of a request or a part; without one it is `application/octet-stream` (RFC 9110, 8.3).
 * @throws CourierError `media-type-unsupported`
 */
export const readContentType = (header: string | null | undefined): ContentType => {
  if (header === null || header === undefined) return { mediaType: UNKNOWN_TYPE, parameters: new Map() };
  const parsed = parseContentType(header);
  if (parsed === undefined) throw unsupported(`Content-Type ${quoted(header)} is not a media type like "text/csv".`);
  return parsed;
};

/** The type to keep a body or a part under. @throws CourierError `media-type-unsupported` */
export const fileType = (contentType: ContentType): string => {
  const stored = storedTypeOf(contentType);
  if ('type' in stored) return stored.type;
  const isWrapping = contentType.mediaType.startsWith('multipart/');
  throw unsupported(
    `Content-Type "${contentType.mediaType}" ${stored.fault}.`,
    isWrapping
      ? 'Send the file itself as the body, in its own Content-Type and with ?name=, or a form of multipart/form-data with one file.'
      : undefined,
  );
};
