/** A UTF-16 unit as JSON escapes it: `\u001b`. */
export const unicodeEscape = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The text in one line, with escapes for the control characters that names of files may have. */
export const withoutControls = (text: string): string => text.replace(/\p{Cc}/gu, unicodeEscape);
