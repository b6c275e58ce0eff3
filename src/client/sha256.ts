import crypto from 'node:crypto';

/**
 * SHA-256 of bytes, or of text as UTF-8, in one step. A hash object stays in memory until V8 collects the old generation of its
 * heap, and many small files would leave many of them.
 */
export const sha256Of = (data: Uint8Array | string): Buffer =>
  // Older versions than Node 20.12 do not have it.
  crypto.hash === undefined ? crypto.createHash('sha256').update(data).digest() : crypto.hash('sha256', data, 'buffer');
