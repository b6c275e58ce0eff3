const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const TAB = 9;
const SPACE = 32;
const EQUALS = 61;

/** What stands in a text besides digits: blanks anywhere, and padding at the end. Undefined where padding stands elsewhere. */
const countOthers = (text: string): { blanks: number; padding: number } | undefined => {
  let blanks = 0;
  let padding = 0;
  // By bytes, since a pattern takes ten times as long on some megabytes.
  for (const byte of Buffer.from(text, 'latin1')) {
    if (byte === EQUALS) padding += 1;
    else if (byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === SPACE || byte === TAB) blanks += 1;
    else if (padding > 0) return undefined;
  }
  return { blanks, padding };
};

/** Padding fills the last four characters, or is left out (RFC 4648, section 3.2). */
const isPadded = (digits: number, padding: number): boolean =>
  digits % 4 !== 1 && (padding === 0 || (padding <= 2 && (digits + padding) % 4 === 0));

/**
 * Decodes base64 in the standard or the URL alphabet, as protobuf's JSON parsers do; line breaks and blanks are skipped.
 * @returns undefined for any other text
 */
export const decodeBase64 = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64');
  const hasBlanks = /[ \t\r\n]/.test(text);
  const first = text.indexOf('=');
  const plain = { blanks: 0, padding: first === -1 ? 0 : text.length - first };
  if (!hasBlanks && (plain.padding > 2 || (plain.padding === 2 && !text.endsWith('==')))) return undefined;
  const others = hasBlanks ? countOthers(text) : plain;
  if (others === undefined) return undefined;
  const digits = text.length - others.blanks - others.padding;
  // Node skips what is no digit, so that the number of bytes tells whether there was anything else.
  const isWhole = isPadded(digits, others.padding) && bytes.byteLength === Math.floor((digits * 3) / 4);
  return isWhole ? bytes : undefined;
};
