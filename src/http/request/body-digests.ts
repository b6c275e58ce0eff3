import { createHash } from 'node:crypto';
import { checkDigest } from '../../digest.ts';
import { CourierError } from '../../errors.ts';
import { readContentDigest } from './content-digest.ts';

/** What a body is announced to be: a digest and the algorithm that makes it. */
export interface ExpectedDigest {
  algorithm: 'sha256' | 'sha512' | 'sha1' | 'md5';
  /** Lower-case hex. */
  hex: string;
}

/** https://www.iana.org/assignments/http-dig-alg: those that Node computes. */
const ALGORITHMS: Readonly<Record<string, ExpectedDigest['algorithm']>> = {
  'sha-256': 'sha256',
  'sha-512': 'sha512',
  sha: 'sha1',
  md5: 'md5',
};
const BYTES = { sha256: 32, sha512: 64, sha1: 20, md5: 16 } as const;

/** Fields that tell a body's digest. Behind the body, as trailers, they are not read. */
export const DIGEST_FIELDS = ['content-digest', 'repr-digest', 'digest', 'content-md5'] as const;

type GetField = (name: string) => string | null | undefined;

const malformed = (detail: string): CourierError => new CourierError('digest-malformed', { detail });

const fromBase64 = (algorithm: ExpectedDigest['algorithm'], base64: string, field: string): ExpectedDigest => {
  const bytes = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
  if (bytes?.byteLength !== BYTES[algorithm]) {
    throw malformed(`The ${algorithm} in ${field} is not ${BYTES[algorithm]} bytes in base64.`);
  }
  return { algorithm, hex: bytes.toString('hex') };
};

/**
 * The digests of one header. Those of unknown algorithms are ignored, unless there is no other: a digest that nobody checks
 * would give its sender false confidence.
 */
const checkable = (members: Iterable<readonly [name: string, base64: string]>, field: string): ExpectedDigest[] => {
  const digests = [...members].flatMap(([name, base64]) => {
    const algorithm = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
    return algorithm === undefined ? [] : [fromBase64(algorithm, base64, field)];
  });
  if (digests.length > 0) return digests;
  throw malformed(`${field} cannot be checked: it has none of the algorithms ${Object.keys(ALGORITHMS).join(', ')}.`);
};

/** `SHA-256=…,MD5=…` (RFC 3230, which RFC 9530 replaced). */
const oldMembers = (header: string): [name: string, base64: string][] =>
  header.split(',').map((item) => {
    const [name = '', ...rest] = item.split('=');
    return [name.trim().toLowerCase(), rest.join('=').trim()];
  });

/**
 * The digests that a request, or a part of a form, announces for its body.
 * @throws CourierError `digest-malformed`, also for a header with no digest that can be checked
 */
export const readBodyDigests = (get: GetField): ExpectedDigest[] => {
  const content = get('content-digest') ?? undefined;
  const representation = get('repr-digest') ?? undefined;
  const old = get('digest') ?? undefined;
  const md5 = get('content-md5') ?? undefined;
  return [
    ...(content === undefined ? [] : checkable(readContentDigest(content), 'Content-Digest')),
    ...(representation === undefined ? [] : checkable(readContentDigest(representation, 'Repr-Digest'), 'Repr-Digest')),
    ...(old === undefined ? [] : checkable(oldMembers(old), 'Digest')),
    ...(md5 === undefined ? [] : [fromBase64('md5', md5.trim(), 'Content-MD5')]),
  ];
};

/** The SHA-256 among them, which goes with a delivery; two that differ cannot both be the body's. @throws CourierError `digest-malformed` */
export const sha256Among = (digests: readonly ExpectedDigest[]): string | undefined => {
  const all = new Set(digests.filter(({ algorithm }) => algorithm === 'sha256').map(({ hex }) => hex));
  if (all.size > 1) throw malformed('The headers announce two different SHA-256 of one body.');
  const [sha256] = all;
  return sha256;
};

/** The body's bytes; their end comes only when every digest is theirs. @throws CourierError `digest-mismatch` */
export async function* withDigests(
  body: AsyncIterable<Uint8Array>,
  expected: readonly ExpectedDigest[],
): AsyncGenerator<Uint8Array> {
  const hashes = expected.map(({ algorithm, hex }) => ({ algorithm, hex, hash: createHash(algorithm) }));
  for await (const chunk of body) {
    for (const { hash } of hashes) hash.update(chunk);
    yield chunk;
  }
  for (const { algorithm, hex, hash } of hashes) checkDigest(hex, hash.digest('hex'), algorithm);
}
