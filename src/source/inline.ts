import type { Source } from '../delivery.ts';
import { CourierError } from '../errors.ts';

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

/** Without a repeated group: with one, a text of some megabytes overflows the stack of V8's matcher. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Padding fills the last four characters or is left out (RFC 4648, 3.2). */
const isBase64 = (text: string): boolean => {
  if (!BASE64.test(text)) return false;
  const digits = text.endsWith('=') ? text.indexOf('=') : text.length;
  return digits % 4 !== 1 && (digits === text.length || text.length % 4 === 0);
};

/** Bytes given as base64 (RFC 4648, 4), with or without its padding. @throws CourierError `request-invalid` */
export const base64Source = (base64: string, mimeType = 'application/octet-stream'): Source => {
  if (!isBase64(base64)) {
    throw new CourierError('request-invalid', { detail: 'source.base64 is not base64.' });
  }
  return bytesSource(Buffer.from(base64, 'base64'), mimeType);
};
