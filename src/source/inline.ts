import type { Source } from '../delivery.ts';
import { CourierError } from '../errors.ts';
import { decodeBase64 } from './base64.ts';

/** Bytes that are here already. */
export const bytesSource = (bytes: Uint8Array, mimeType: string): Source => {
  async function* openAt(offset: number): AsyncGenerator<Uint8Array> {
    if (offset < bytes.byteLength) yield bytes.subarray(offset);
  }
  return { size: bytes.byteLength, mimeType, open: () => openAt(0), openAt };
};

/** A text as UTF-8. @throws CourierError `request-invalid` for a lone surrogate, which UTF-8 cannot say */
export const textSource = (text: string, mimeType = 'text/plain'): Source => {
  if (!text.isWellFormed()) {
    throw new CourierError('request-invalid', { detail: 'source.text is not well-formed Unicode (a lone surrogate).' });
  }
  return bytesSource(Buffer.from(text), mimeType);
};

/** Why a text is not the base64 that was asked for, when it is a relative of it. */
const describeBase64Fault = (text: string): string => {
  if (/^data:/i.test(text)) return 'is a data: URL; send only what follows its comma';
  if (/[-_]/.test(text) && decodeBase64(text) !== undefined) {
    return 'is base64url; send it with "+" and "/" instead of "-" and "_"';
  }
  return 'is not base64';
};

/**
 * Bytes given as base64 (RFC 4648, section 4), with or without its padding; line breaks are skipped, as MIME writes them.
 * @throws CourierError `request-invalid`
 */
export const base64Source = (base64: string, mimeType = 'application/octet-stream'): Source => {
  const bytes = /[-_]/.test(base64) ? undefined : decodeBase64(base64);
  if (bytes === undefined) {
    throw new CourierError('request-invalid', { detail: `source.base64 ${describeBase64Fault(base64)}.` });
  }
  return bytesSource(bytes, mimeType);
};
