import type { GoogleCall, GoogleErrorBody } from '../google-service.ts';
import type { StoredObject } from './objects.ts';

export const answerJson = ({ response }: GoogleCall, status: number, body: unknown): true => {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' });
  response.end(JSON.stringify(body));
  return true;
};

export const refuse = (call: GoogleCall, status: number, reason: string, message: string): true => {
  if (call.url.searchParams.get('alt') === 'media') {
    // When a client requests bytes, errors are plain text.
    call.response.writeHead(status, { 'content-type': 'text/html; charset=UTF-8' }).end(message);
    return true;
  }
  const body: GoogleErrorBody = { error: { code: status, message, errors: [{ message, domain: 'global', reason }] } };
  return answerJson(call, status, body);
};

/** The SHA-256 of a made-up customer key. */
const KEY_SHA256 = 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=';

export const resourceOf = (object: StoredObject, origin: string): Record<string, unknown> => ({
  kind: 'storage#object',
  id: `${object.bucket}/${object.name}/${object.generation}`,
  selfLink: `${origin}/storage/v1/b/${object.bucket}/o/${encodeURIComponent(object.name)}`,
  name: object.name,
  bucket: object.bucket,
  generation: object.generation,
  metageneration: '1',
  contentType: object.contentType,
  contentEncoding: object.contentEncoding,
  storageClass: 'STANDARD',
  size: String(object.size),
  // "The object's … CRC32C … and MD5 hash are not returned" without the key (storage/docs/encryption/customer-supplied-keys).
  ...(object.customerKey === true
    ? { customerEncryption: { encryptionAlgorithm: 'AES256', keySha256: KEY_SHA256 } }
    : { crc32c: object.crc32c }),
  timeCreated: object.timeCreated,
  updated: object.timeCreated,
});

export const masked = (
  resource: Record<string, unknown>,
  fields: string | null,
): Record<string, unknown> | undefined => {
  if (fields === null || fields === '*') return resource;
  const wanted = fields.split(',');
  if (wanted.some((field) => !/^[A-Za-z0-9]+$/.test(field))) return undefined;
  return Object.fromEntries(Object.entries(resource).filter(([member]) => wanted.includes(member)));
};

/** Reads `bytes=FIRST-` and `bytes=FIRST-LAST`. Returns undefined for a range that cannot be satisfied. */
export const rangeOf = (
  header: string | undefined,
  size: number,
): { first: number; last: number; partial: boolean } | undefined => {
  const whole = { first: 0, last: size - 1, partial: false };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined) return whole;
  if (Number(first) >= size) return undefined;
  return { first: Number(first), last: Math.min(last ? Number(last) : size - 1, size - 1), partial: true };
};
