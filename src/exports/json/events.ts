import { CourierError } from '../../errors.ts';

/**
 * The events of a scanner, in the order of the JSON text. Texts and numbers arrive in pieces of UTF-8, because a text
 * may be as long as the document: `plain` is called with unescaped bytes, `escaped` with one character that was
 * escaped.
 */
export interface JsonEvents {
  open(isArray: boolean): void;
  close(isArray: boolean): void;
  beginText(isKey: boolean): void;
  plain(bytes: Uint8Array, from: number, to: number): void;
  escaped(codePoint: number): void;
  endText(isKey: boolean): void;
  beginNumber(): void;
  digits(bytes: Uint8Array, from: number, to: number): void;
  endNumber(): void;
  word(word: 'true' | 'false' | 'null'): void;
}

/**
 * The error for values that JavaScript and Python can represent and JSON cannot. Python's `json.dumps` writes them by
 * default.
 */
export const notANumber = (word: 'NaN' | 'Infinity'): CourierError =>
  new CourierError('request-invalid', { detail: `${word} is not JSON. Use null or a string instead.` });

/** A syntax error. The code that has the bytes converts the offset to a character position. */
export class MalformedJson extends Error {
  readonly offset: number;

  constructor(offset: number) {
    super('This is not JSON.');
    this.offset = offset;
  }
}
