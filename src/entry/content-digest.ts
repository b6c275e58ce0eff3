import { CourierError } from '../errors.ts';

/** RFC 9651 (structured fields): a dictionary's key, and the parameters that any member may carry. */
const KEY = '[a-z*][a-z0-9_.*-]*';
const BARE_ITEM =
  '(?:-?\\d{1,15}(?:\\.\\d{1,3})?|"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"|[A-Za-z*][\\w!#$%&\'*+.^`|~:/-]*|:[A-Za-z0-9+/=]*:|\\?[01])';
/** RFC 9530: every member of `Content-Digest` is a byte sequence. */
const MEMBER = new RegExp(`^(${KEY})=:([A-Za-z0-9+/]*={0,2}):(?:;[ ]*${KEY}(?:=${BARE_ITEM})?)*$`);

const SHA256_BASE64 = /^[A-Za-z0-9+/]{43}=?$/;

const malformed = (detail: string): CourierError => new CourierError('digest-malformed', { detail });

/**
 * The SHA-256 of a `Content-Digest` header (RFC 9530), as lower-case hex; undefined when there is none.
 * Digests of other algorithms may stand beside it, and are not compared.
 * @throws CourierError `digest-malformed`
 */
export const readContentDigest = (header: string | null): string | undefined => {
  if (header === null) return undefined;
  let sha256: string | undefined;
  for (const text of header.split(',')) {
    const [, algorithm, base64] = MEMBER.exec(text.replace(/^[ \t]+|[ \t]+$/g, '')) ?? [];
    if (algorithm === undefined || base64 === undefined) {
      throw malformed('Content-Digest is no dictionary of byte sequences, like "sha-256=:BASE64:".');
    }
    // Of a key that comes twice the last one counts (RFC 9651, 4.2.2).
    if (algorithm === 'sha-256') sha256 = base64;
  }
  if (sha256 === undefined) return undefined;
  const digest = Buffer.from(sha256, 'base64');
  if (!SHA256_BASE64.test(sha256) || digest.byteLength !== 32) {
    throw malformed('The sha-256 in Content-Digest is not 32 bytes in base64.');
  }
  return digest.toString('hex');
};
