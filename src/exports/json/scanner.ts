import { CourierError } from '../../errors.ts';
import { type JsonEvents, MalformedJson, notANumber } from './events.ts';
import {
  ESCAPES,
  hexDigit,
  isDigit,
  isHighSurrogate,
  isLowSurrogate,
  isNumber,
  NUMBER,
  type NumberState,
  numberStep,
  STATE,
  type State,
  WORDS,
} from './grammar.ts';

/**
 * The maximum nesting of containers. I-JSON has no limit, but other parsers may run out of stack at a deeper nesting.
 */
const MAX_DEPTH = 100;

const invalid = (detail: string): CourierError => new CourierError('request-invalid', { detail });

/**
 * Reads JSON text (RFC 8259) byte by byte, in pieces of any size. It creates no values, so its memory does not depend
 * on the size of a text or the number of values. It does not check whether the bytes are UTF-8.
 */
export class JsonScanner {
  /** Set by a listener to make `scan` return after the current event. */
  paused = false;
  /** The offset of the current byte in the whole text. */
  offset: number;
  /** The number of open containers. */
  depth = 0;
  #events: JsonEvents;
  readonly #lenient: boolean;
  readonly #isArray = new Uint8Array(MAX_DEPTH);
  #state: State = STATE.value;
  #isKey = false;
  #number: NumberState = NUMBER.begin;
  #word: (typeof WORDS)[keyof typeof WORDS] = 'true';
  /** The number of characters of an escape or a word that have been read. */
  #count = 0;
  #code = 0;
  /** A high surrogate whose low surrogate has not been read yet; else 0. */
  #high = 0;

  /**
   * @param offset the offset of the first byte in the whole text
   * @param lenient accepts lone surrogates
   */
  constructor(events: JsonEvents, { offset = 0, lenient = false }: { offset?: number; lenient?: boolean } = {}) {
    this.#events = events;
    this.offset = offset;
    this.#lenient = lenient;
  }

  /** Replaces the listener. */
  listen(events: JsonEvents): void {
    this.#events = events;
  }

  /** Restarts with a value at this offset. */
  reset(offset: number): void {
    this.offset = offset;
    this.depth = 0;
    this.#high = 0;
    this.#state = STATE.value;
  }

  /**
   * Reads bytes until the end or until a listener pauses the scanner.
   * @returns the index of the next byte; `offset` is updated too
   * @throws CourierError `request-invalid`
   */
  scan(bytes: Uint8Array, from = 0, to = bytes.byteLength): number {
    const base = this.offset - from;
    let at = from;
    while (at < to && !this.paused) {
      this.offset = base + at;
      switch (this.#state) {
        case STATE.text:
          at = this.#scanText(bytes, at, to);
          break;
        case STATE.number:
          at = this.#scanNumber(bytes, at, to);
          break;
        case STATE.escape:
        case STATE.hex:
          this.#scanEscape(bytes[at] ?? 0);
          at += 1;
          break;
        case STATE.word:
          this.#scanWord(bytes[at] ?? 0);
          at += 1;
          break;
        default: {
          const byte = bytes[at] ?? 0;
          if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) this.#scanSign(byte);
          // The first byte of a number is read again in the number state.
          if ((this.#state as State) !== STATE.number) at += 1;
        }
      }
    }
    this.offset = base + at;
    return at;
  }

  /** Call at the end of the text. @throws MalformedJson if the text is incomplete */
  end(): void {
    if (this.#state === STATE.number && this.depth === 0 && isNumber(this.#number)) this.#endNumber();
    if (this.#state !== STATE.end) throw new MalformedJson(this.offset);
  }

  #malformed(): never {
    throw new MalformedJson(this.offset);
  }

  #afterValue(): void {
    this.#state = this.depth === 0 ? STATE.end : STATE.after;
  }

  #scanText(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to) {
      const byte = bytes[at] ?? 0;
      if (byte === 34 || byte === 92 || byte < 32) break;
      at += 1;
    }
    if (at > from) {
      if (this.#high !== 0) this.#loneSurrogate();
      this.#events.plain(bytes, from, at);
    }
    if (at === to) return at;
    const byte = bytes[at];
    if (byte === 92) {
      this.#state = STATE.escape;
      return at + 1;
    }
    this.offset += at - from;
    if (byte !== 34) this.#malformed();
    if (this.#high !== 0) this.#loneSurrogate();
    const isKey = this.#isKey;
    if (isKey) this.#state = STATE.colon;
    else this.#afterValue();
    this.#events.endText(isKey);
    return at + 1;
  }

  #scanEscape(byte: number): void {
    if (this.#state === STATE.escape) {
      if (byte === 117) {
        this.#state = STATE.hex;
        this.#count = 0;
        this.#code = 0;
        return;
      }
      const code = ESCAPES[byte];
      if (code === undefined) this.#malformed();
      if (this.#high !== 0) this.#loneSurrogate();
      this.#state = STATE.text;
      this.#events.escaped(code);
      return;
    }
    const digit = hexDigit(byte);
    if (digit < 0) this.#malformed();
    this.#code = this.#code * 16 + digit;
    this.#count += 1;
    if (this.#count === 4) this.#endHex(this.#code);
  }

  #endHex(code: number): void {
    this.#state = STATE.text;
    if (this.#high !== 0) {
      if (isLowSurrogate(code)) {
        const whole = (this.#high - 0xd800) * 0x400 + (code - 0xdc00) + 0x10000;
        this.#high = 0;
        this.#events.escaped(whole);
        return;
      }
      this.#loneSurrogate();
    }
    if (isHighSurrogate(code)) this.#high = code;
    else if (isLowSurrogate(code)) this.#loneSurrogate(code);
    else this.#events.escaped(code);
  }

  #loneSurrogate(code = this.#high): void {
    if (!this.#lenient) throw invalid('A text is not well-formed Unicode (a lone surrogate).');
    this.#high = 0;
    this.#events.escaped(code);
  }

  #scanNumber(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    let state = this.#number;
    for (; at < to; at += 1) {
      const next = numberStep(state, bytes[at] ?? 0);
      if (next === undefined) break;
      state = next;
    }
    this.#number = state;
    if (at > from) this.#events.digits(bytes, from, at);
    if (at === to) return at;
    this.offset += at - from;
    if (state === NUMBER.sign && bytes[at] === 73) {
      this.#beginWord(73);
      return at + 1;
    }
    if (!isNumber(state)) this.#malformed();
    this.#endNumber();
    return at;
  }

  #endNumber(): void {
    this.#afterValue();
    this.#events.endNumber();
  }

  #beginWord(byte: keyof typeof WORDS): void {
    this.#word = WORDS[byte];
    this.#count = 1;
    this.#state = STATE.word;
  }

  #scanWord(byte: number): void {
    if (byte !== this.#word.charCodeAt(this.#count)) this.#malformed();
    this.#count += 1;
    if (this.#count < this.#word.length) return;
    if (this.#word === 'NaN' || this.#word === 'Infinity') throw notANumber(this.#word);
    this.#afterValue();
    this.#events.word(this.#word);
  }

  #scanSign(byte: number): void {
    switch (this.#state) {
      case STATE.colon:
        if (byte !== 58) this.#malformed();
        this.#state = STATE.value;
        return;
      case STATE.after:
        if (byte === 44) this.#state = this.#isArray[this.depth - 1] === 1 ? STATE.value : STATE.key;
        else this.#close(byte);
        return;
      case STATE.firstKey:
      case STATE.key:
        if (byte === 34) this.#beginText(true);
        else if (this.#state === STATE.firstKey) this.#close(byte);
        else this.#malformed();
        return;
      case STATE.firstItem:
        if (byte === 93) this.#close(byte);
        else this.#beginValue(byte);
        return;
      case STATE.value:
        this.#beginValue(byte);
        return;
      default:
        this.#malformed();
    }
  }

  #beginText(isKey: boolean): void {
    this.#isKey = isKey;
    this.#state = STATE.text;
    this.#events.beginText(isKey);
  }

  #beginValue(byte: number): void {
    if (byte === 34) this.#beginText(false);
    else if (byte === 123) this.#open(false);
    else if (byte === 91) this.#open(true);
    else if (byte === 116 || byte === 102 || byte === 110 || byte === 78 || byte === 73) {
      this.#beginWord(byte);
    } else if (byte === 45 || isDigit(byte)) {
      this.#number = NUMBER.begin;
      this.#state = STATE.number;
      this.#events.beginNumber();
    } else this.#malformed();
  }

  #open(isArray: boolean): void {
    if (this.depth === MAX_DEPTH) throw invalid(`The JSON is nested deeper than ${MAX_DEPTH} levels.`);
    this.#isArray[this.depth] = isArray ? 1 : 0;
    this.depth += 1;
    this.#state = isArray ? STATE.firstItem : STATE.firstKey;
    this.#events.open(isArray);
  }

  #close(byte: number): void {
    const isArray = this.#isArray[this.depth - 1] === 1;
    if (byte !== (isArray ? 93 : 125)) this.#malformed();
    this.depth -= 1;
    this.#afterValue();
    this.#events.close(isArray);
  }
}
