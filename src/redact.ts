/**
 * Names of fields whose value is a secret, in JSON, a form, or the text of a library. In JSON inside JSON, quotes are
 * escaped.
 */
const NAMES =
  '(?:private_key|client_secret|refresh_token|access_token|id_token|subject_token|assertion|signed_?[Jj]wt|accessToken|session_?[Tt]oken|secret_?[Aa]ccess_?[Kk]ey|SecretAccessKey|SessionToken|password)';

/** One character of such a value. */
const VALUE = String.raw`[^\\"'&\s,}]`;

/** The words of a PEM label before its last two (RFC 7468, section 3), such as "ENCRYPTED". */
const LABEL = '(?: [A-Z0-9]+)*';

/*
 * Patterns of secrets anywhere in a text: a prefix that identifies the secret, and the rest. No pattern matches a quote or the
 * backslash before it, so that a redacted line of JSON is still JSON.
 */

/** Secrets that include their prefix. */
const WITH_PREFIX: readonly (readonly [prefix: string, rest: string])[] = [
  // Google's access tokens, refresh tokens, OAuth client secrets, API keys.
  [String.raw`ya29\.`, String.raw`[\w.-]+`],
  [String.raw`\b1//`, String.raw`[\w-]{8,}`],
  ['GOCSPX-', String.raw`[\w-]+`],
  ['AIza', String.raw`[\w-]{30,}`],
  // AWS access keys.
  [String.raw`\b(?:AKIA|ASIA)`, '[A-Z0-9]{12,}'],
  // JWTs, complete or truncated.
  [String.raw`\beyJ`, String.raw`[\w-]{5,}(?:\.[\w-]*){0,4}`],
  // Private keys: PEM, complete or truncated, with plain or escaped line ends; and base64 without the PEM lines.
  ['-----BEGIN', String.raw`${LABEL} PRIVATE KEY-----(?:[^"\\-]|-(?!----END)|\\+[^"\\])*(?:-----END${LABEL}-----)?`],
  [String.raw`\bMII`, String.raw`[\w+/]{40,}=*`],
];

/** Secrets that follow a prefix, which is kept. */
const AFTER_PREFIX: readonly (readonly [prefix: string, between: string, secret: string])[] = [
  // Session URIs and signed URLs: anyone with the URL has access.
  ['[?&](?:upload_id|access_token|key)=', '', String.raw`[^&\s"'\\]+`],
  ['[?&](?:X-(?:Goog|Amz)-)?(?:Signature|Security-Token)=', '', String.raw`[^&\s"'\\]+`],
  // Headers.
  ['[Bb]earer ', '', String.raw`[\w.~+/-]+=*`],
  ['[Bb]asic ', '', String.raw`[\w+/]{8,}=*`],
  [NAMES, String.raw`[\\"' ]*[=:][\\"' ]*`, `${VALUE}{4,}`],
];

/** One expression for each kind of secret, so that each can be checked for linear time. Its capturing group is kept. */
const SECRETS: readonly RegExp[] = [
  ...WITH_PREFIX.map(([prefix, rest]) => new RegExp(`()${prefix}${rest}`, 'g')),
  ...AFTER_PREFIX.map(([prefix, between, secret]) => new RegExp(`(${prefix}${between})${secret}`, 'g')),
];

/** Checked first, which is much faster, because nearly all lines contain no secret. */
const PREFIXES = new RegExp([...WITH_PREFIX, ...AFTER_PREFIX].map(([prefix]) => prefix).join('|'));

/** The text with everything that looks like a secret replaced by "[redacted]". */
export const redact = (text: string): string =>
  PREFIXES.test(text) ? SECRETS.reduce((left, secret) => left.replace(secret, '$1[redacted]'), text) : text;
