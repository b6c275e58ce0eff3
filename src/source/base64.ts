/** Where the padding begins, if it fills the last four characters as it must (RFC 4648, section 3.2), or is left out. */
const digitsIn = (text: string): number | undefined => {
  const padding = text.indexOf('=');
  const digits = padding === -1 ? text.length : padding;
  const isPadded = padding !== -1 && text.length % 4 === 0 && text.length - digits <= 2 && text.endsWith('=');
  if (digits % 4 === 1 || (padding !== -1 && !isPadded)) return undefined;
  return text.length - digits === 2 && text.at(-2) !== '=' ? undefined : digits;
};

const decodeStrictly = (text: string): Buffer | undefined => {
  const digits = digitsIn(text);
  if (digits === undefined) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is no digit, so that the length tells whether there was any.
  return bytes.byteLength === Math.floor((digits * 3) / 4) ? bytes : undefined;
};

/**
 * Decodes base64 in the standard or the URL alphabet, as protobuf's JSON parsers do; white space between digits is skipped.
 * @returns undefined for any other text
 */
export const decodeBase64 = (text: string): Buffer | undefined =>
  decodeStrictly(text) ?? (/\s/.test(text) ? decodeStrictly(text.replace(/\s/g, '')) : undefined);
