import type { Source } from '../../domain.ts';
import { TextEvents } from '../json/outline.ts';
import type { Bytes } from './spool.ts';
import { generatedSource, type Range, textEvents, transcode } from './transcode.ts';

const KIND = { none: 0, digit: 1, urlDigit: 2, padding: 3, blank: 4 } as const;

const kinds = new Uint8Array(256);
for (const digit of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') {
  kinds[digit.charCodeAt(0)] = KIND.digit;
}
for (const digit of '-_') kinds[digit.charCodeAt(0)] = KIND.urlDigit;
kinds['='.charCodeAt(0)] = KIND.padding;
for (const blank of ' \t\r\n') kinds[blank.charCodeAt(0)] = KIND.blank;

const DATA_URL = 'data:';

/** Checks base64 (RFC 4648, 4) piece by piece, with or without padding. Line breaks and spaces are skipped. */
export class Base64Check extends TextEvents {
  readonly #allowUrlAlphabet: boolean;
  #digits = 0;
  #padding = 0;
  #isWrong = false;
  #hasUrlDigits = false;
  /** The first characters, to recognize a data: URL. */
  #first = '';

  /** @param allowUrlAlphabet also accepts the URL-safe alphabet (RFC 4648, 5) */
  constructor({ allowUrlAlphabet = false }: { allowUrlAlphabet?: boolean } = {}) {
    super();
    this.#allowUrlAlphabet = allowUrlAlphabet;
  }

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one step for each kind of character, in a loop over many of them.
  plain(bytes: ArrayLike<number>, from: number, to: number): void {
    for (let at = from; at < to; at += 1) {
      const byte = bytes[at] ?? 0;
      if (this.#first.length < DATA_URL.length) this.#first += String.fromCharCode(byte);
      const kind = kinds[byte];
      if (kind === KIND.padding) this.#padding += 1;
      else if (kind === KIND.blank) continue;
      else if ((kind === KIND.digit || kind === KIND.urlDigit) && this.#padding === 0) {
        this.#digits += 1;
        if (kind === KIND.urlDigit) this.#hasUrlDigits = true;
      } else this.#isWrong = true;
    }
  }

  /** "/" may be escaped. A character of more than one byte is never a base64 digit, so 0 represents it. */
  escaped(codePoint: number): void {
    this.plain([codePoint > 255 ? 0 : codePoint], 0, 1);
  }

  /** True if the text is base64. Padding is optional, but must be complete (RFC 4648, 3.2). */
  get isValid(): boolean {
    return this.#isWhole && (this.#allowUrlAlphabet || !this.#hasUrlDigits);
  }

  get #isWhole(): boolean {
    if (this.#isWrong || this.#padding > 2 || this.#digits % 4 === 1) return false;
    return this.#padding === 0 || (this.#digits + this.#padding) % 4 === 0;
  }

  /** Why the text is not valid, with a hint if it is a data: URL or base64url. */
  get fault(): string {
    if (this.#first.toLowerCase() === DATA_URL) return 'is a data: URL; send only what follows its comma';
    if (this.#isWhole) return 'is base64url; send it with "+" and "/" instead of "-" and "_"';
    return 'is not base64';
  }

  /** The size of the decoded data in bytes. */
  get size(): number {
    return Math.floor((this.#digits * 3) / 4);
  }
}

/** Decodes base64 piece by piece. It must have been checked before. */
export async function* decoded(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = '';
  for await (const piece of pieces) {
    const read = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1');
    const text = rest + read.replaceAll(/[ \t\r\n]/g, '');
    const whole = text.length - (text.length % 4);
    rest = text.slice(whole);
    if (whole > 0) yield Buffer.from(text.slice(0, whole), 'base64');
  }
  if (rest !== '') yield Buffer.from(rest, 'base64');
}

/** The decoded bytes of a base64 text in a document. @param size the number of bytes */
export const base64Of = (bytes: Bytes, range: Range, size: number): Source =>
  generatedSource('application/octet-stream', size, () => decoded(transcode(bytes, range, textEvents)));
