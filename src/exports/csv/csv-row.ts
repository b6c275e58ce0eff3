import type { JsonEvents } from '../json/events.ts';
import { KeyReader } from '../json/keys.ts';
import { IGNORE_EVENTS } from '../json/outline.ts';
import type { JsonScanner } from '../json/scanner.ts';
import { formulaStep } from './csv-cell.ts';

/** How the value of a cell is written in the document. */
export const CELL = {
  /** A number, true or false: the same in CSV. */
  bare: 0,
  /** A text without escapes, and therefore without quotes. */
  plainText: 1,
  escapedText: 2,
  nested: 3,
} as const;

export interface Cell {
  kind: (typeof CELL)[keyof typeof CELL];
  start: number;
  end: number;
  isFormula: boolean;
}

/** Finds the positions of the cells in one row, and pauses the scanner after the row. */
export class RowReader implements JsonEvents {
  /** True after a row has been read, until `next` is called. */
  isWhole = false;
  readonly #columns: ReadonlyMap<string, number>;
  readonly #rawCells: boolean;
  readonly #cells: Cell[];
  /** The row in which each column was last seen, so that cells of earlier rows do not have to be cleared. */
  readonly #seenIn: Float64Array;
  readonly #key = new KeyReader();
  #scanner: JsonScanner | undefined;
  #row = 1;
  #depth = 0;
  #isKey = false;
  #cell: Cell | undefined;
  /** True while it is unknown whether the current text is a formula. */
  #isOpen = false;
  #isFirst = false;
  readonly #character: number[] = [];

  constructor(columns: readonly string[], rawCells: boolean) {
    this.#columns = new Map(columns.map((name, index) => [name, index]));
    this.#rawCells = rawCells;
    this.#cells = columns.map(() => ({ kind: CELL.bare, start: 0, end: 0, isFormula: false }));
    this.#seenIn = new Float64Array(columns.length);
  }

  attach(scanner: JsonScanner): void {
    this.#scanner = scanner;
  }

  /** Undefined if the row has no such cell, or if its value is null. */
  cell(column: number): Cell | undefined {
    return this.#seenIn[column] === this.#row ? this.#cells[column] : undefined;
  }

  next(): void {
    this.#row += 1;
    this.isWhole = false;
  }

  open(): void {
    if (this.#depth === 2) this.#begin(CELL.nested);
    this.#depth += 1;
  }

  close(): void {
    this.#depth -= 1;
    if (this.#depth === 2) this.#end(1);
    if (this.#depth !== 1 || this.#scanner === undefined) return;
    this.isWhole = true;
    this.#scanner.paused = true;
  }

  beginText(isKey: boolean): void {
    if (this.#depth !== 2) return;
    this.#isKey = isKey;
    if (isKey) {
      this.#key.begin();
      return;
    }
    this.#begin(CELL.plainText);
    this.#isOpen = !this.#rawCells;
    this.#isFirst = true;
    this.#character.length = 0;
  }

  plain(bytes: Uint8Array, from: number, to: number): void {
    if (this.#depth !== 2) return;
    if (this.#isKey) this.#key.plain(bytes, from, to);
    for (let at = from; this.#isOpen && at < to; at += 1) this.#leading(bytes[at] ?? 0);
  }

  escaped(codePoint: number): void {
    if (this.#depth !== 2) return;
    if (this.#isKey) this.#key.escaped(codePoint);
    else {
      if (this.#cell !== undefined) this.#cell.kind = CELL.escapedText;
      if (this.#isOpen) this.#step(String.fromCodePoint(codePoint));
    }
  }

  endText(isKey: boolean): void {
    if (this.#depth !== 2) return;
    this.#isOpen = false;
    if (isKey) this.#column = this.#columns.get(this.#key.end()) ?? 0;
    else this.#end(1);
    this.#isKey = false;
  }

  #column = 0;

  beginNumber(): void {
    if (this.#depth === 2) this.#begin(CELL.bare);
  }

  readonly digits = IGNORE_EVENTS.digits;

  endNumber(): void {
    if (this.#depth === 2) this.#end(0);
  }

  word(word: 'true' | 'false' | 'null'): void {
    if (this.#depth !== 2 || word === 'null') return;
    this.#begin(CELL.bare);
    // The scanner is at the last letter of the word.
    if (this.#cell !== undefined) this.#cell.start -= word.length - 1;
    this.#end(1);
  }

  #begin(kind: Cell['kind']): void {
    const cell = this.#cells[this.#column];
    if (cell === undefined) return;
    cell.kind = kind;
    cell.start = this.#scanner?.offset ?? 0;
    cell.isFormula = false;
    this.#seenIn[this.#column] = this.#row;
    this.#cell = cell;
  }

  #end(past: number): void {
    if (this.#cell !== undefined) this.#cell.end = (this.#scanner?.offset ?? 0) + past;
    this.#cell = undefined;
  }

  /** Handles one byte at the start of a text. Bytes are combined into characters. */
  #leading(byte: number): void {
    // Nearly every text starts with a letter or a digit.
    if ((byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90) || (byte >= 48 && byte <= 57)) {
      this.#isOpen = false;
      return;
    }
    if (byte < 0x80) {
      this.#step(String.fromCharCode(byte));
      return;
    }
    if (byte >= 0xc0) this.#character.length = 0;
    this.#character.push(byte);
    const [first = 0] = this.#character;
    const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (this.#character.length === length) this.#step(Buffer.from(this.#character).toString());
  }

  #step(character: string): void {
    const found = formulaStep(character, this.#isFirst);
    this.#isFirst = false;
    if (found === 'unknown') return;
    this.#isOpen = false;
    if (this.#cell !== undefined) this.#cell.isFormula = found === 'formula';
  }
}
