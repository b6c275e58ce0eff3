/**
 * Decodes bytes in a named charset (https://encoding.spec.whatwg.org/#names-and-labels). Returns undefined if the
 * charset is unknown or the bytes are invalid in it.
 */
export const decodeBytes = (bytes: Uint8Array, charset: string): string | undefined => {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

/*
 * RFC 2047 encoded words: `=?charset?B|Q?text?=`. HTTP does not allow them, but .NET, RestSharp and mail libraries put
 * them into file names. They can be decoded safely: each word names its charset, and real file names do not look like
 * this.
 */

/** One encoded word. Its language (RFC 2231, section 5) is ignored. */
const WORD = /=\?([\w.:-]+)(?:\*[\w-]+)?\?([BbQq])\?([!->@-~ ]*)\?=/g;
/** White space between two words is only a separator (RFC 2047, section 6.2). Folded lines add more of it. */
const BETWEEN = /^[ \t\r\n]+$/;

const bytesOf = (encoding: string, text: string): Buffer | undefined => {
  if (encoding.toUpperCase() === 'B')
    return /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
  if (/=(?![\dA-Fa-f]{2})/.test(text)) return undefined;
  const unescaped = text
    .replaceAll('_', ' ')
    .replace(/=([\dA-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(unescaped, 'latin1');
};

interface Run {
  charset: string;
  pieces: Buffer[];
}

/**
 * Decodes the encoded words in a text. Adjacent words of one charset are decoded together, because some encoders split
 * a character between two words.
 * @returns the unchanged text if it has no encoded words; undefined if a word cannot be decoded
 */
export const decodeEncodedWords = (text: string): string | undefined => {
  if (!text.includes('=?')) return text;
  let decoded = '';
  let at = 0;
  let run: Run | undefined;
  const endRun = (): boolean => {
    if (run === undefined) return true;
    const part = decodeBytes(Buffer.concat(run.pieces), run.charset);
    run = undefined;
    if (part === undefined) return false;
    decoded += part;
    return true;
  };
  for (const { index, 0: word, 1: charset = '', 2: encoding = '', 3: encoded = '' } of text.matchAll(WORD)) {
    const between = text.slice(at, index);
    const isNext = run !== undefined && (between === '' || BETWEEN.test(between));
    const isSame = isNext && run?.charset === charset.toLowerCase();
    if (!isSame && !endRun()) return undefined;
    if (!isNext) decoded += between;
    const bytes = bytesOf(encoding, encoded);
    if (bytes === undefined) return undefined;
    run ??= { charset: charset.toLowerCase(), pieces: [] };
    run.pieces.push(bytes);
    at = index + word.length;
  }
  return endRun() ? decoded + text.slice(at) : undefined;
};
