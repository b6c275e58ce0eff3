import { turn } from '../../turns.ts';
import { type ByteSink, ByteWriter } from '../bytes/byte-writer.ts';
import type { Bytes } from '../bytes/spool.ts';
import { PIECE_BYTES, type Range, textEvents, transcode } from '../bytes/transcode.ts';
import { isWholeKey } from '../json/keys.ts';
import { JsonScanner } from '../json/scanner.ts';
import { JsonWriter } from '../json/writer.ts';
import { csvColumn } from './csv-cell.ts';
import { CELL, type Cell, RowReader } from './csv-row.ts';

const COMMA = 44;
const QUOTE = 34;
const CR = 13;
const LF = 10;
const BYTE_ORDER_MARK = '\ufeff';

export interface CsvOptions {
  /** The columns in their order, each with the offset of the first occurrence of its name. */
  columns: ReadonlyMap<string, number>;
  isAscii: boolean;
  rawCells: boolean;
}

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

const nameAt = async (bytes: Bytes, key: string, start: number): Promise<string> => {
  if (isWholeKey(key)) return key;
  const pieces: Buffer[] = [];
  const from = bytes.at(start, bytes.size);
  if (from.byteLength === 0) throw new RangeError('no name is there');
  for await (const piece of transcode(bytes, { start, end: await endOfText(bytes, start) }, textEvents)) {
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces).toString();
};

/** The end of a text that has already been checked. */
const endOfText = async (bytes: Bytes, start: number): Promise<number> => {
  let isEscaped = false;
  for (let offset = start + 1; ; ) {
    const piece = bytes.at(offset, bytes.size);
    for (const byte of piece) {
      offset += 1;
      if (isEscaped) isEscaped = false;
      else if (byte === 92) isEscaped = true;
      else if (byte === QUOTE) return offset;
    }
  }
};

/**
 * Generates the lines of a CSV file while it is read. A piece may end in the middle of a row, so no row or cell needs
 * to fit in memory. Each row is read twice: once to find its cells, and again to write them in the order of the
 * columns.
 */
export async function* csvOf(bytes: Bytes, range: Range, options: CsvOptions): AsyncGenerator<Buffer> {
  const { columns, isAscii, rawCells } = options;
  if (columns.size === 0) return;
  const out = new ByteWriter();
  let worked = 0;
  /** Call after each step with its amount of work: it regularly lets other requests run. */
  const pause = async (amount: number): Promise<void> => {
    worked += amount;
    if (worked < TURN_WORK) return;
    worked = 0;
    await turn();
  };

  if (!isAscii) out.text(BYTE_ORDER_MARK);
  let isFirst = true;
  for (const [key, start] of columns) {
    const name = csvColumn(await nameAt(bytes, key, start), { rawCells });
    if (!isFirst) out.byte(COMMA);
    isFirst = false;
    out.text(name === '' && columns.size === 1 ? '""' : name);
    await pause(name.length);
    if (out.size >= PIECE_BYTES) yield out.take();
  }
  out.byte(CR);
  out.byte(LF);

  const row = new RowReader([...columns.keys()], rawCells);
  const scanner = new JsonScanner(row, { offset: range.start, lenient: true });
  const cells = new JsonScanner(new JsonWriter(out), { lenient: true });
  row.attach(scanner);

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
    cells.listen(isText ? { ...textEvents(out), escaped: (codePoint) => sink.char(codePoint) } : new JsonWriter(sink));
    cells.reset(start);
    while (cells.offset < end) {
      const before = cells.offset;
      cells.scan(bytes.at(before, end));
      await pause(cells.offset - before);
      if (out.size >= PIECE_BYTES) yield out.take();
    }
  }

  async function* write(cell: Cell): AsyncGenerator<Buffer> {
    const { kind, start, end } = cell;
    if (kind === CELL.bare) {
      yield* copy(start, end);
      return;
    }
    out.byte(QUOTE);
    if (cell.isFormula) out.byte(39);
    if (kind === CELL.plainText) yield* copy(start + 1, end - 1);
    else yield* rewrite(cell);
    out.byte(QUOTE);
  }

  while (scanner.offset < range.end) {
    const before = scanner.offset;
    scanner.paused = false;
    scanner.scan(bytes.at(before, range.end));
    await pause(scanner.offset - before);
    if (!row.isWhole) continue;
    const wasEmpty = columns.size === 1 && row.cell(0) === undefined;
    if (wasEmpty) out.text('""');
    for (let column = 0; column < columns.size; column += 1) {
      if (column > 0) out.byte(COMMA);
      const cell = row.cell(column);
      if (cell === undefined) continue;
      // Most cells are short, and are written in one piece.
      if (cell.kind === CELL.bare || cell.kind === CELL.plainText) {
        const piece = cell.end - cell.start > SHORT_BYTES ? undefined : bytes.at(cell.start, cell.end);
        if (piece?.byteLength === cell.end - cell.start) {
          writeShort(out, piece, cell);
          continue;
        }
      }
      yield* write(cell);
    }
    out.byte(CR);
    out.byte(LF);
    row.next();
    await pause(columns.size);
    if (out.size >= PIECE_BYTES) yield out.take();
  }
  if (out.size > 0) yield out.take();
}

/** The amount of work between two pauses, in bytes read or written. */
const TURN_WORK = 16_384;
const SHORT_BYTES = 1_024;

const writeShort = (out: ByteWriter, piece: Uint8Array, { kind, isFormula }: Cell): void => {
  if (kind === CELL.bare) {
    out.bytes(piece, 0, piece.byteLength);
    return;
  }
  out.byte(QUOTE);
  if (isFormula) out.byte(39);
  out.bytes(piece, 1, piece.byteLength - 1);
  out.byte(QUOTE);
};
