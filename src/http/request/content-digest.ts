import { CourierError } from '../../errors.ts';
import { createHeaderReader, type HeaderReader } from '../../text/http-grammar.ts';

/*
 * RFC 9651 (structured fields): a dictionary's key, a byte sequence, the other values that a parameter may have, and the
 * signs between them.
 */
const KEY = /[a-z*][a-z0-9_.*-]*/y;
const BYTES = /:[A-Za-z0-9+/]*={0,2}:/y;
const BARE_ITEM = /-?\d{1,15}(?:\.\d{1,3})?|"(?:[ !#-[\]-~]|\\["\\])*"|[A-Za-z*][\w!#$%&'*+.^`|~:/-]*|\?[01]/y;
const EQUALS = /=/y;
const SEMICOLON = /;[ ]*/y;
const COMMA = /[ \t]*,[ \t]*/y;

const malformed = (detail: string): CourierError => new CourierError('digest-malformed', { detail });

/** Skips the parameters that any member may have (RFC 9651, 3.1.2). False where one cannot be read. */
const skipParameters = (reader: HeaderReader): boolean => {
  while (reader.take(SEMICOLON) !== undefined) {
    if (reader.take(KEY) === undefined) return false;
    if (reader.take(EQUALS) !== undefined && (reader.take(BYTES) ?? reader.take(BARE_ITEM)) === undefined) return false;
  }
  return true;
};

/** The members of a dictionary of byte sequences, their base64 without colons; undefined where it cannot be read. */
const readDictionary = (header: string): [key: string, base64: string][] | undefined => {
  const reader = createHeaderReader(header);
  const members: [string, string][] = [];
  do {
    const key = reader.take(KEY);
    const bytes = key !== undefined && reader.take(EQUALS) !== undefined ? reader.take(BYTES) : undefined;
    if (key === undefined || bytes === undefined || !skipParameters(reader)) return undefined;
    members.push([key, bytes.slice(1, -1)]);
  } while (reader.take(COMMA) !== undefined);
  return reader.isDone() ? members : undefined;
};

/**
 * Reads a `Content-Digest` or `Repr-Digest` header (RFC 9530): its digests in base64, by algorithm. Of a key that occurs twice,
 * the last one counts (RFC 9651, 4.2.2).
 * @throws CourierError `digest-malformed`
 */
export const readContentDigest = (header: string, field = 'Content-Digest'): ReadonlyMap<string, string> => {
  const members = readDictionary(header);
  if (members === undefined) {
    throw malformed(`${field} is not a dictionary of byte sequences, like "sha-256=:BASE64:".`);
  }
  return new Map(members);
};
