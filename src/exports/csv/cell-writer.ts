import { turn } from '../../turns.ts';
import type { ByteSink, ByteWriter } from '../bytes/byte-writer.ts';
import type { Bytes } from '../bytes/spool.ts';
import { PIECE_BYTES, textEvents } from '../bytes/transcode.ts';
import { JsonScanner } from '../json/scanner.ts';
import { JsonWriter } from '../json/writer.ts';
import { CELL, type Cell } from './csv-row.ts';

const QUOTE = 34;
const APOSTROPHE = 39;

/** The amount of work between two pauses, in bytes read or written. */
const TURN_WORK = 16_384;
const SHORT_BYTES = 1_024;

/** Call this after each step with its amount of work: it regularly lets other requests run. */
export type Pause = (amount: number) => Promise<void>;

export const createPause = (): Pause => {
  let worked = 0;
  return async (amount) => {
    worked += amount;
    if (worked < TURN_WORK) return;
    worked = 0;
    await turn();
  };
};

/** A sink that doubles quotes. */
const doubling = (out: ByteWriter): ByteSink => ({
  byte(byte) {
    if (byte === QUOTE) out.byte(QUOTE);
    out.byte(byte);
  },
  // Unescaped bytes of a JSON text are never quotes.
  bytes: (bytes, from, to) => out.bytes(bytes, from, to),
  char(codePoint) {
    if (codePoint === QUOTE) out.byte(QUOTE);
    out.char(codePoint);
  },
});

/** Writes the cells of a document's rows. */
export interface CellWriter {
  /** Writes a short cell in one step; most cells are short. @returns false if the cell is too long or must be rewritten */
  writeShort(cell: Cell): boolean;
  /** Writes any cell, in pieces. */
  write(cell: Cell): AsyncGenerator<Buffer>;
}

export const createCellWriter = (bytes: Bytes, out: ByteWriter, pause: Pause): CellWriter => {
  const scanner = new JsonScanner(new JsonWriter(out), { lenient: true });

  /** Copies bytes of the document unchanged. */
  async function* copy(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end; ) {
      const piece = bytes.at(at, end);
      out.bytes(piece, 0, piece.byteLength);
      at += piece.byteLength;
      await pause(piece.byteLength);
      if (out.size >= PIECE_BYTES) yield out.take();
    }
  }

  /** Writes a text with escapes, or a nested value as JSON. */
  async function* rewrite({ kind, start, end }: Cell): AsyncGenerator<Buffer> {
    const sink = doubling(out);
    const isText = kind === CELL.escapedText;
    scanner.listen(
      isText ? { ...textEvents(out), escaped: (codePoint) => sink.char(codePoint) } : new JsonWriter(sink),
    );
    scanner.reset(start);
    while (scanner.offset < end) {
      const before = scanner.offset;
      scanner.scan(bytes.at(before, end));
      await pause(scanner.offset - before);
      if (out.size >= PIECE_BYTES) yield out.take();
    }
  }

  return {
    writeShort({ kind, start, end, isFormula }) {
      const length = end - start;
      if (length > SHORT_BYTES || (kind !== CELL.bare && kind !== CELL.plainText)) return false;
      const piece = bytes.at(start, end);
      if (piece.byteLength !== length) return false;
      if (kind === CELL.bare) {
        out.bytes(piece, 0, length);
        return true;
      }
      out.byte(QUOTE);
      if (isFormula) out.byte(APOSTROPHE);
      out.bytes(piece, 1, length - 1);
      out.byte(QUOTE);
      return true;
    },
    async *write(cell) {
      const { kind, start, end } = cell;
      if (kind === CELL.bare) {
        yield* copy(start, end);
        return;
      }
      out.byte(QUOTE);
      if (cell.isFormula) out.byte(APOSTROPHE);
      if (kind === CELL.plainText) yield* copy(start + 1, end - 1);
      else yield* rewrite(cell);
      out.byte(QUOTE);
    },
  };
};
