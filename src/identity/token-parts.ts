import { z } from 'zod';

/** What Google's front end puts in place of a signature it has checked (run/docs/troubleshooting#signature-removed). */
const REMOVED_SIGNATURE = 'SIGNATURE_REMOVED_BY_GOOGLE';

/** True for a token that the platform says it has checked, and that nobody else can check any more. */
export const isSignatureRemoved = (token: string): boolean => token.endsWith(`.${REMOVED_SIGNATURE}`);

/**
 * Header members that Google never sends, each of them an attack when obeyed: keys of the token's own choice, and
 * extensions that change how the rest is read (RFC 7515 §4.1, RFC 7797).
 */
const REFUSED_MEMBERS = ['crit', 'b64', 'jku', 'jwk', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'zip', 'enc', 'cty'] as const;

const header = z.looseObject({
  alg: z.string(),
  kid: z.string().min(1).max(256),
  typ: z.string().regex(/^jwt$/i).optional(),
});

/** Base64url signs; Google's headers have about a hundred. Whatever is read before the signature is checked has to be short. */
const MAX_HEADER_LENGTH = 1024;

/** A token taken apart, and nothing of it believed yet. */
export interface TokenParts {
  alg: string;
  kid: string;
  /** Not read yet: see `readPayload`. */
  payloadPart: string;
}

/** The bytes, or undefined unless the text is the one base64url form of them: no padding, no blanks, no spare bits. */
const decodePart = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64url');
  return text !== '' && bytes.toString('base64url') === text ? bytes : undefined;
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Strings, so that what stands in them is skipped, and the signs that make up a JSON text's structure. */
const JSON_SIGNS = /"(?:[^"\\]|\\.)*"?|[{}[\]:]/g;

/** The members that a JSON object's text writes down, twice-named ones counted twice; the text is known to be JSON. */
const countMembers = (json: string): number => {
  let depth = 0;
  let members = 0;
  for (const [sign] of json.matchAll(JSON_SIGNS)) {
    if (sign === '{' || sign === '[') depth += 1;
    else if (sign === '}' || sign === ']') depth -= 1;
    else if (sign === ':' && depth === 1) members += 1;
  }
  return members;
};

/** The object, or undefined where it is none or names a member twice, which two parsers may read in two ways. */
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

/** Takes a compact JWS apart (RFC 7515 §7.1), more strictly than the RFC asks; undefined where it is not well formed. */
export const readTokenParts = (token: string): TokenParts | undefined => {
  const [first, second, third, ...rest] = token.split('.', 4);
  if (first === undefined || second === undefined || third === undefined || rest.length > 0) return undefined;
  if (first.length > MAX_HEADER_LENGTH || decodePart(third) === undefined) return undefined;
  const head = header.safeParse(decodeObject(first));
  if (!head.success || REFUSED_MEMBERS.some((name) => Object.hasOwn(head.data, name))) return undefined;
  return { alg: head.data.alg, kid: head.data.kid, payloadPart: second };
};

/** A payload's claims, once its signature is known to be good; undefined where it is not well formed. */
export const readPayload = ({ payloadPart }: TokenParts): object | undefined => decodeObject(payloadPart);
