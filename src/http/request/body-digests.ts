import { createHash } from 'node:crypto';
import { checkDigest } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import { createHeaderReader, type HeaderReader } from '../../text/http-grammar.ts';

/** A digest that a request announces for its body, and the algorithm that computes it. */
export interface ExpectedDigest {
  algorithm: 'sha256' | 'sha512' | 'sha1' | 'md5';
  /** Lower-case hex. */
  hex: string;
}

/** https://www.iana.org/assignments/http-dig-alg: the algorithms that Node computes. */
const ALGORITHMS: Readonly<Record<string, ExpectedDigest['algorithm']>> = {
  'sha-256': 'sha256',
  'sha-512': 'sha512',
  sha: 'sha1',
  md5: 'md5',
};
const DIGEST_BYTES = { sha256: 32, sha512: 64, sha1: 20, md5: 16 } as const;

/** Header fields that carry a digest of the body. They are not read as trailers. */
export const DIGEST_FIELDS = ['content-digest', 'repr-digest', 'digest', 'content-md5'] as const;

/*
 * RFC 9651 (structured fields): the key of a dictionary, a byte sequence, the other values that a parameter may have, and
 * the separators.
 */
const KEY = /[a-z*][a-z0-9_.*-]*/y;
const BYTE_SEQUENCE = /:[A-Za-z0-9+/]*={0,2}:/y;
const BARE_ITEM = /-?\d{1,15}(?:\.\d{1,3})?|"(?:[ !#-[\]-~]|\\["\\])*"|[A-Za-z*][\w!#$%&'*+.^`|~:/-]*|\?[01]/y;
const EQUALS = /=/y;
const SEMICOLON = /;[ ]*/y;
const COMMA = /[ \t]*,[ \t]*/y;

const malformed = (detail: string): CourierError => new CourierError('digest-malformed', { detail });

/** Skips the parameters that any member may have (RFC 9651, 3.1.2). False for a malformed parameter. */
const skipParameters = (reader: HeaderReader): boolean => {
  while (reader.take(SEMICOLON) !== undefined) {
    if (reader.take(KEY) === undefined) return false;
    if (reader.take(EQUALS) !== undefined && (reader.take(BYTE_SEQUENCE) ?? reader.take(BARE_ITEM)) === undefined) {
      return false;
    }
  }
  return true;
};

/** The members of a dictionary of byte sequences, as base64 without the colons; undefined if it is malformed. */
const readDictionary = (header: string): [key: string, base64: string][] | undefined => {
  const reader = createHeaderReader(header);
  const members: [string, string][] = [];
  do {
    const key = reader.take(KEY);
    const bytes = key !== undefined && reader.take(EQUALS) !== undefined ? reader.take(BYTE_SEQUENCE) : undefined;
    if (key === undefined || bytes === undefined || !skipParameters(reader)) return undefined;
    members.push([key, bytes.slice(1, -1)]);
  } while (reader.take(COMMA) !== undefined);
  return reader.isDone() ? members : undefined;
};

/**
 * The members of a `Content-Digest` or `Repr-Digest` header (RFC 9530), by algorithm. If a key is repeated, the last one
 * counts (RFC 9651, 4.2.2).
 * @throws CourierError `digest-malformed`
 */
const readContentDigest = (header: string, field: string): ReadonlyMap<string, string> => {
  const members = readDictionary(header);
  if (members !== undefined) return new Map(members);
  throw malformed(`${field} is not a dictionary of byte sequences, such as "sha-256=:BASE64:".`);
};

const fromBase64 = (algorithm: ExpectedDigest['algorithm'], base64: string, field: string): ExpectedDigest => {
  const bytes = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
  if (bytes?.byteLength !== DIGEST_BYTES[algorithm]) {
    throw malformed(`The ${algorithm} in ${field} is not ${DIGEST_BYTES[algorithm]} bytes in base64.`);
  }
  return { algorithm, hex: bytes.toString('hex') };
};

/**
 * The digests of one header. Unknown algorithms are ignored if there is also a known one. Otherwise they are rejected,
 * because a digest that is not checked would give the caller false confidence.
 */
const checkable = (members: Iterable<readonly [name: string, base64: string]>, field: string): ExpectedDigest[] => {
  const digests = [...members].flatMap(([name, base64]) => {
    const algorithm = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
    return algorithm === undefined ? [] : [fromBase64(algorithm, base64, field)];
  });
  if (digests.length > 0) return digests;
  throw malformed(`${field} cannot be checked: it has none of the algorithms ${Object.keys(ALGORITHMS).join(', ')}.`);
};

/** `Digest: SHA-256=…,MD5=…` (RFC 3230, obsoleted by RFC 9530). */
const oldMembers = (header: string): [name: string, base64: string][] =>
  header.split(',').map((item) => {
    const [name = '', ...rest] = item.split('=');
    return [name.trim().toLowerCase(), rest.join('=').trim()];
  });

/**
 * The digests that a request, or a part of a form, announces for its body.
 * @param get reads a header field by its lower-case name
 * @throws CourierError `digest-malformed`, also for a header with no digest that can be checked
 */
export const readBodyDigests = (get: (name: string) => string | null | undefined): ExpectedDigest[] => {
  const content = get('content-digest') ?? undefined;
  const representation = get('repr-digest') ?? undefined;
  const old = get('digest') ?? undefined;
  const md5 = get('content-md5') ?? undefined;
  return [
    ...(content === undefined ? [] : checkable(readContentDigest(content, 'Content-Digest'), 'Content-Digest')),
    ...(representation === undefined ? [] : checkable(readContentDigest(representation, 'Repr-Digest'), 'Repr-Digest')),
    ...(old === undefined ? [] : checkable(oldMembers(old), 'Digest')),
    ...(md5 === undefined ? [] : [fromBase64('md5', md5.trim(), 'Content-MD5')]),
  ];
};

/** The SHA-256 among the digests, if there is one. @throws CourierError `digest-malformed` for two different ones */
export const sha256Among = (digests: readonly ExpectedDigest[]): string | undefined => {
  const all = new Set(digests.filter(({ algorithm }) => algorithm === 'sha256').map(({ hex }) => hex));
  if (all.size > 1) throw malformed('The headers announce two different SHA-256 digests of one body.');
  const [sha256] = all;
  return sha256;
};

async function* checked(
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

/** Passes the body through and checks every digest at its end. @throws CourierError `digest-mismatch` */
export const withDigests = (
  body: AsyncIterable<Uint8Array>,
  expected: readonly ExpectedDigest[],
): AsyncIterable<Uint8Array> => (expected.length === 0 ? body : checked(body, expected));
