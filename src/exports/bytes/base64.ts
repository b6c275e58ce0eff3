import type { Source } from '../../domain.ts';
import { type Follower, PASS_OVER } from '../json/outline.ts';
import type { Bytes } from './spool.ts';
import { madeSource, type Range, textEvents, transcode } from './transcode.ts';

const KIND = { none: 0, digit: 1, urlDigit: 2, padding: 3, blank: 4 } as const;

const kinds = new Uint8Array(256);
for (const digit of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') {
  kinds[digit.charCodeAt(0)] = KIND.digit;
}
for (const digit of '-_') kinds[digit.charCodeAt(0)] = KIND.urlDigit;
kinds['='.charCodeAt(0)] = KIND.padding;
for (const blank of ' \t\r\n') kinds[blank.charCodeAt(0)] = KIND.blank;

const DATA_URL = 'data:';

/** Checks base64 (RFC 4648, 4), with its padding or without, piece by piece; line breaks and blanks are skipped. */
export class Base64Check {
  readonly #takesUrlDigits: boolean;
  #digits = 0;
  #padding = 0;
  #isWrong = false;
  #hasUrlDigits = false;
  /** The first characters: a data: URL is told from other faults. */
  #first = '';

  /** @param takesUrlDigits the alphabet of RFC 4648, 5, too */
  constructor({ takesUrlDigits = false }: { takesUrlDigits?: boolean } = {}) {
    this.#takesUrlDigits = takesUrlDigits;
  }

  add(bytes: Uint8Array, from: number, to: number): void {
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

  /** Padding fills the last four characters or is left out (RFC 4648, 3.2). */
  get isRight(): boolean {
    return this.#isWhole && (this.#takesUrlDigits || !this.#hasUrlDigits);
  }

  get #isWhole(): boolean {
    if (this.#isWrong || this.#padding > 2 || this.#digits % 4 === 1) return false;
    return this.#padding === 0 || (this.#digits + this.#padding) % 4 === 0;
  }

  /** Why a text is not the base64 that was asked for, when it is a relative of it. */
  get fault(): string {
    if (this.#first.toLowerCase() === DATA_URL) return 'is a data: URL; send only what follows its comma';
    if (this.#isWhole) return 'is base64url; send it with "+" and "/" instead of "-" and "_"';
    return 'is not base64';
  }

  /** Of what it stands for, in bytes. */
  get size(): number {
    return Math.floor((this.#digits * 3) / 4);
  }
}

/** Checks a text of base64 in a document. */
export class Base64Follower extends Base64Check implements Follower {
  readonly stand = '""';
  readonly open = PASS_OVER.open;
  readonly close = PASS_OVER.close;
  readonly beginText = PASS_OVER.beginText;
  readonly endText = PASS_OVER.endText;
  readonly beginNumber = PASS_OVER.beginNumber;
  readonly digits = PASS_OVER.digits;
  readonly endNumber = PASS_OVER.endNumber;
  readonly word = PASS_OVER.word;

  plain(bytes: Uint8Array, from: number, to: number): void {
    this.add(bytes, from, to);
  }

  /** "/" may be escaped. Whatever is not one byte is no digit either. */
  escaped(codePoint: number): void {
    this.add([codePoint > 255 ? 0 : codePoint] as unknown as Uint8Array, 0, 1);
  }
}

/** Decodes base64 that was checked, piece by piece. */
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

/** The bytes that a text of a document stands for. @param size how many */
export const base64Of = (bytes: Bytes, range: Range, size: number): Source =>
  madeSource('application/octet-stream', size, () => decoded(transcode(bytes, range, textEvents)));
