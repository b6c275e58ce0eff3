import { CourierError } from '../../errors.ts';

/**
 * What a scanner finds in JSON text, in order, as bytes of UTF-8. Texts and numbers come in pieces, since a text may be as
 * long as the document: `plain` are bytes that stand for themselves, `escaped` is one character that had an escape.
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

/** For the words that JavaScript and Python have for numbers which JSON lacks. Python's `json.dumps` writes them by default. */
export const notANumber = (word: 'NaN' | 'Infinity'): CourierError =>
  new CourierError('request-invalid', { detail: `${word} is not JSON. Use null or a string instead.` });

/** Text that is no JSON; whoever has the bytes says at which character. */
export class MalformedJson extends Error {
  readonly offset: number;

  constructor(offset: number) {
    super('This is not JSON.');
    this.offset = offset;
  }
}
