/** Fields whose value is a secret, in JSON, in a form, or in a library's text; with JSON inside JSON the quotes are escaped. */
const NAMES =
  '(?:private_key|client_secret|refresh_token|access_token|id_token|subject_token|assertion|signed_?[Jj]wt|accessToken|session_?[Tt]oken|secret_?[Aa]ccess_?[Kk]ey|SecretAccessKey|SessionToken|password)';

/** One character of such a value. */
const VALUE = String.raw`[^\\"'&\s,}]`;

/** The words of a PEM label before its last two (RFC 7468, section 3), such as "ENCRYPTED". */
const LABEL = '(?: [A-Z0-9]+)*';

/*
 * What may look like a secret, wherever it stands in a text: the sign that gives it away, and the rest. No pattern reaches
 * past a quote or its backslash, so that what is left of a JSON line is still JSON.
 */

/** Secrets that begin with their sign. */
const BEGINNING: readonly (readonly [sign: string, rest: string])[] = [
  // Google's access tokens, refresh tokens, OAuth client secrets, API keys.
  [String.raw`ya29\.`, String.raw`[\w.-]+`],
  [String.raw`\b1//`, String.raw`[\w-]{8,}`],
  ['GOCSPX-', String.raw`[\w-]+`],
  ['AIza', String.raw`[\w-]{30,}`],
  // AWS access keys.
  [String.raw`\b(?:AKIA|ASIA)`, '[A-Z0-9]{12,}'],
  // JWTs, whole or cut.
  [String.raw`\beyJ`, String.raw`[\w-]{5,}(?:\.[\w-]*){0,4}`],
  // Private keys: PEM, whole or cut, its line ends plain or escaped; and the base64 of one without its frame.
  ['-----BEGIN', String.raw`${LABEL} PRIVATE KEY-----(?:[^"\\-]|-(?!----END)|\\+[^"\\])*(?:-----END${LABEL}-----)?`],
  [String.raw`\bMII`, String.raw`[\w+/]{40,}=*`],
];

/** Secrets that follow their sign, which stays. */
const FOLLOWING: readonly (readonly [sign: string, between: string, secret: string])[] = [
  // Session URIs and signed URLs: whoever has one may write or read.
  ['[?&](?:upload_id|access_token|key)=', '', String.raw`[^&\s"'\\]+`],
  ['[?&](?:X-(?:Goog|Amz)-)?(?:Signature|Security-Token)=', '', String.raw`[^&\s"'\\]+`],
  // Headers.
  ['[Bb]earer ', '', String.raw`[\w.~+/-]+=*`],
  ['[Bb]asic ', '', String.raw`[\w+/]{8,}=*`],
  [NAMES, String.raw`[\\"' ]*[=:][\\"' ]*`, `${VALUE}{4,}`],
];

/** One expression for each kind of secret, so that a tool can check that each takes linear time. What stays is its group. */
const SECRETS: readonly RegExp[] = [
  ...BEGINNING.map(([sign, rest]) => new RegExp(`()${sign}${rest}`, 'g')),
  ...FOLLOWING.map(([sign, between, secret]) => new RegExp(`(${sign}${between})${secret}`, 'g')),
];

/** Found in a fraction of the time; nearly all lines have none. */
const SIGNS = new RegExp([...BEGINNING, ...FOLLOWING].map(([sign]) => sign).join('|'));

/** The text without anything that looks like a secret. */
export const redact = (text: string): string =>
  SIGNS.test(text) ? SECRETS.reduce((left, secret) => left.replace(secret, '$1[redacted]'), text) : text;
