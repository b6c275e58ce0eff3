/** Fields whose value is a secret, in JSON, in a form, or in a library's text; with JSON inside JSON the quotes are escaped. */
const NAMES =
  'private_key|client_secret|refresh_token|access_token|id_token|subject_token|assertion|signed_?[Jj]wt|accessToken|session_?[Tt]oken|secret_?[Aa]ccess_?[Kk]ey|SecretAccessKey|SessionToken|password';

/**
 * What may look like a secret, wherever it stands in a text. No pattern reaches past a quote or its backslash, so that
 * what is left of a JSON line is still JSON.
 */
const SECRETS = new RegExp(
  [
    // Google's access tokens, refresh tokens, OAuth client secrets, API keys.
    String.raw`ya29\.[\w.-]+`,
    String.raw`\b1//[\w-]{20,}`,
    String.raw`GOCSPX-[\w-]+`,
    String.raw`AIza[\w-]{30,}`,
    // AWS access keys.
    String.raw`\b(?:AKIA|ASIA)[A-Z0-9]{12,}`,
    // JWTs, whole or cut.
    String.raw`\beyJ[\w-]{5,}(?:\.[\w-]*){0,4}`,
    // Private keys: PEM, whole or cut, its line ends plain or escaped; and the base64 of one without its frame.
    String.raw`-----BEGIN[^"\\]*?PRIVATE KEY-----(?:(?!-----END)(?:[^"\\]|\\+[^"\\]))*(?:-----END[^"\\]*?-----)?`,
    String.raw`\bMII[\w+/]{40,}=*`,
    // Session URIs and signed URLs: whoever has one may write or read.
    String.raw`(?<=[?&](?:upload_id|X-Goog-Signature|X-Amz-Signature|X-Amz-Security-Token|Signature|access_token|key)=)[^&\s"'\\]+`,
    // Headers.
    String.raw`(?<=[Bb]earer )[\w.~+/-]+=*`,
    String.raw`(?<=[Bb]asic )[\w+/]{8,}=*`,
    String.raw`(?<=(?:${NAMES})[\\"' ]*[=:][\\"' ]*)[^\\"'&\s,}]{4,}`,
  ].join('|'),
  'g',
);

/** The text without anything that looks like a secret. */
export const redact = (text: string): string => text.replace(SECRETS, '[redacted]');
