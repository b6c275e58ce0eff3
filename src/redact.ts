/** Fields whose value is a secret, in JSON, in a form, or in a library's text; with JSON inside JSON the quotes are escaped. */
const NAMES =
  '(?:private_key|client_secret|refresh_token|access_token|id_token|subject_token|assertion|signed_?[Jj]wt|accessToken|session_?[Tt]oken|secret_?[Aa]ccess_?[Kk]ey|SecretAccessKey|SessionToken|password)';

/** One character of such a value. */
const VALUE = String.raw`[^\\"'&\s,}]`;

/**
 * A label of PEM (RFC 7468, section 3), the longest of which is "ENCRYPTED PRIVATE KEY": without a bound, each beginning of
 * many would look for its end in all that follows.
 */
const LABEL = String.raw`[^"\\]{0,40}?`;

/*
 * What may look like a secret, wherever it stands in a text: the sign that gives it away, and the rest. No pattern reaches
 * past a quote or its backslash, so that what is left of a JSON line is still JSON.
 */

/** Secrets that begin with their sign. */
const BEGINNING: readonly (readonly [sign: string, rest: string])[] = [
  // Google's access tokens, refresh tokens, OAuth client secrets, API keys.
  [String.raw`ya29\.`, String.raw`[\w.-]+`],
  [String.raw`\b1//`, String.raw`[\w-]{20,}`],
  ['GOCSPX-', String.raw`[\w-]+`],
  ['AIza', String.raw`[\w-]{30,}`],
  // AWS access keys.
  [String.raw`\b(?:AKIA|ASIA)`, '[A-Z0-9]{12,}'],
  // JWTs, whole or cut.
  [String.raw`\beyJ`, String.raw`[\w-]{5,}(?:\.[\w-]*){0,4}`],
  // Private keys: PEM, whole or cut, its line ends plain or escaped; and the base64 of one without its frame.
  ['-----BEGIN', String.raw`${LABEL}PRIVATE KEY-----(?:(?!-----END)(?:[^"\\]|\\+[^"\\]))*(?:-----END${LABEL}-----)?`],
  [String.raw`\bMII`, String.raw`[\w+/]{40,}=*`],
];

/** Secrets that follow their sign, which stays. */
const FOLLOWING: readonly (readonly [sign: string, between: string, secret: string])[] = [
  // Session URIs and signed URLs: whoever has one may write or read.
  [
    '[?&](?:upload_id|X-Goog-Signature|X-Amz-Signature|X-Amz-Security-Token|Signature|access_token|key)=',
    '',
    String.raw`[^&\s"'\\]+`,
  ],
  // Headers.
  ['[Bb]earer ', '', String.raw`[\w.~+/-]+=*`],
  ['[Bb]asic ', '', String.raw`[\w+/]{8,}=*`],
  // What is between is read backwards, and from a secret's first characters alone: from each quote of thousands, it would
  // be read again as often.
  [NAMES, String.raw`[\\"' ]*[=:][\\"' ]*(?=${VALUE}{4})`, `${VALUE}{4,}`],
];

const SECRETS = new RegExp(
  [
    ...BEGINNING.map(([sign, rest]) => `${sign}${rest}`),
    ...FOLLOWING.map(([sign, between, secret]) => `(?<=${sign}${between})${secret}`),
  ].join('|'),
  'g',
);

/** Found in a fifth of the time, since it looks back at nothing; nearly all lines have none. */
const SIGNS = new RegExp([...BEGINNING, ...FOLLOWING].map(([sign]) => sign).join('|'));

/** The text without anything that looks like a secret. */
export const redact = (text: string): string => (SIGNS.test(text) ? text.replace(SECRETS, '[redacted]') : text);
