import { z } from 'zod';

/** What Google's front end puts in place of a signature it has checked (run/docs/troubleshooting#signature-removed). */
const REMOVED_SIGNATURE = 'SIGNATURE_REMOVED_BY_GOOGLE';

/** True for a token whose signature the platform has checked and removed, so that nobody else can verify it. */
export const isSignatureRemoved = (token: string): boolean => token.endsWith(`.${REMOVED_SIGNATURE}`);

/**
 * Header members that Google never sends, and that an attacker could use: keys chosen by the token itself, and extensions
 * that change how the rest is parsed (RFC 7515 §4.1, RFC 7797).
 */
const REFUSED_MEMBERS = ['crit', 'b64', 'jku', 'jwk', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'zip', 'enc', 'cty'] as const;

const header = z.looseObject({
  alg: z.string(),
  kid: z.string().min(1).max(256),
  typ: z.string().regex(/^jwt$/i).optional(),
});

/** Base64url characters; Google's headers have about a hundred. Input that is parsed before the signature is checked must be short. */
const MAX_HEADER_LENGTH = 1024;

/** The parts of a token, none of them verified yet. */
export interface TokenParts {
  alg: string;
  kid: string;
  /** Not decoded yet: see `readPayload`. */
  payloadPart: string;
}

/** The decoded bytes; undefined if the text is not their canonical base64url form (padding, spaces or spare bits). */
const decodePart = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64url');
  return text !== '' && bytes.toString('base64url') === text ? bytes : undefined;
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Strings, whose content is skipped, and the structural characters of JSON. */
const JSON_TOKENS = /"(?:[^"\\]|\\.)*"?|[{}[\]:]/g;

/** The number of members in the text of a JSON object, counting duplicate names twice. The text must be valid JSON. */
const countMembers = (json: string): number => {
  let depth = 0;
  let members = 0;
  for (const [sign] of json.matchAll(JSON_TOKENS)) {
    if (sign === '{' || sign === '[') depth += 1;
    else if (sign === '}' || sign === ']') depth -= 1;
    else if (sign === ':' && depth === 1) members += 1;
  }
  return members;
};

/** The object; undefined if it is not one, or has a duplicate name, which two parsers may read differently. */
const decodeObject = (part: string): object | undefined => {
  const bytes = decodePart(part);
  if (bytes === undefined) return undefined;
  try {
    const json = utf8.decode(bytes);
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return countMembers(json) === Object.keys(value).length ? value : undefined;
  } catch {
    return undefined;
  }
};

/** Parses a compact JWS (RFC 7515 §7.1), more strictly than the RFC requires; undefined if it is malformed. */
export const readTokenParts = (token: string): TokenParts | undefined => {
  const [first, second, third, ...rest] = token.split('.', 4);
  if (first === undefined || second === undefined || third === undefined || rest.length > 0) return undefined;
  if (first.length > MAX_HEADER_LENGTH || decodePart(third) === undefined) return undefined;
  const head = header.safeParse(decodeObject(first));
  if (!head.success || REFUSED_MEMBERS.some((name) => Object.hasOwn(head.data, name))) return undefined;
  return { alg: head.data.alg, kid: head.data.kid, payloadPart: second };
};

/** The claims of a payload whose signature has been verified; undefined if it is malformed. */
export const readPayload = ({ payloadPart }: TokenParts): object | undefined => decodeObject(payloadPart);
