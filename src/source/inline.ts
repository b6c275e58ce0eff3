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

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** Bytes given as base64 (RFC 4648, 4), with or without its padding. @throws CourierError `request-invalid` */
export const base64Source = (base64: string, mimeType = 'application/octet-stream'): Source => {
  if (!BASE64.test(base64)) {
    throw new CourierError('request-invalid', { detail: 'source.base64 is not base64.' });
  }
  return bytesSource(Buffer.from(base64, 'base64'), mimeType);
};

/** Any JSON value, for people to read. */
export const jsonSource = (value: unknown): Source =>
  bytesSource(Buffer.from(`${JSON.stringify(value, null, 2)}\n`), 'application/json');
