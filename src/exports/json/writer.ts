import type { ByteSink } from '../bytes/byte-writer.ts';
import type { JsonEvents } from './events.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const SHORT_ESCAPES: Readonly<Record<number, number>> = { 8: 98, 9: 116, 10: 110, 12: 102, 13: 114, 34: 34, 92: 92 };
const HEX = '0123456789abcdef';

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;

/**
 * Writes the JSON that a scanner reads in the format of `JSON.stringify`: with or without indentation, and without
 * unnecessary escapes. Numbers keep their digits, and keys their order.
 */
export class JsonWriter implements JsonEvents {
  readonly #sink: ByteSink;
  readonly #isPretty: boolean;
  /** For each open container: whether it is an array, and whether it has a member. */
  readonly #isArray: boolean[] = [];
  readonly #hasMember: boolean[] = [];
  #depth = 0;

  constructor(sink: ByteSink, { pretty = false }: { pretty?: boolean } = {}) {
    this.#sink = sink;
    this.#isPretty = pretty;
  }

  open(isArray: boolean): void {
    this.#beforeValue();
    this.#isArray[this.#depth] = isArray;
    this.#hasMember[this.#depth] = false;
    this.#depth += 1;
    this.#sink.byte(isArray ? 91 : 123);
  }

  close(isArray: boolean): void {
    this.#depth -= 1;
    if (this.#hasMember[this.#depth] === true) this.#line();
    this.#sink.byte(isArray ? 93 : 125);
  }

  beginText(isKey: boolean): void {
    if (isKey) this.#separate();
    else this.#beforeValue();
    this.#sink.byte(QUOTE);
  }

  plain(bytes: Uint8Array, from: number, to: number): void {
    this.#sink.bytes(bytes, from, to);
  }

  escaped(code: number): void {
    const short = SHORT_ESCAPES[code];
    if (short !== undefined) {
      this.#sink.byte(BACKSLASH);
      this.#sink.byte(short);
    } else if (code < 32 || isSurrogate(code)) {
      this.#sink.byte(BACKSLASH);
      this.#sink.byte(117);
      for (let shift = 12; shift >= 0; shift -= 4) this.#sink.byte(HEX.charCodeAt((code >> shift) & 15));
    } else this.#sink.char(code);
  }

  endText(isKey: boolean): void {
    this.#sink.byte(QUOTE);
    if (!isKey) return;
    this.#sink.byte(58);
    if (this.#isPretty) this.#sink.byte(32);
  }

  beginNumber(): void {
    this.#beforeValue();
  }

  digits(bytes: Uint8Array, from: number, to: number): void {
    this.#sink.bytes(bytes, from, to);
  }

  endNumber(): void {
    // The digits have already been written.
  }

  word(word: string): void {
    this.#beforeValue();
    for (let n = 0; n < word.length; n += 1) this.#sink.byte(word.charCodeAt(n));
  }

  /** Writes the separator before an item of an array. In an object, it is written before the key. */
  #beforeValue(): void {
    if (this.#depth > 0 && this.#isArray[this.#depth - 1] === true) this.#separate();
  }

  #separate(): void {
    if (this.#hasMember[this.#depth - 1] === true) this.#sink.byte(44);
    this.#hasMember[this.#depth - 1] = true;
    this.#line();
  }

  #line(): void {
    if (!this.#isPretty) return;
    this.#sink.byte(10);
    for (let n = 2 * this.#depth; n > 0; n -= 1) this.#sink.byte(32);
  }
}
