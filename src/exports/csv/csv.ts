import { ByteWriter } from '../bytes/byte-writer.ts';
import type { Bytes } from '../bytes/spool.ts';
import { PIECE_BYTES, type Range, textEvents, transcode } from '../bytes/transcode.ts';
import { isWholeKey } from '../json/keys.ts';
import { JsonScanner } from '../json/scanner.ts';
import { createCellWriter, createPause, type Pause } from './cell-writer.ts';
import { csvColumn } from './csv-cell.ts';
import { RowReader } from './csv-row.ts';

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

const nameAt = async (bytes: Bytes, key: string, start: number): Promise<string> => {
  if (isWholeKey(key)) return key;
  const pieces: Buffer[] = [];
  const from = bytes.at(start, bytes.size);
  if (from.byteLength === 0) throw new RangeError('there is no name at this offset');
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

/** Generates the header. What is left in `out` belongs to the next piece. */
async function* headerOf(
  bytes: Bytes,
  { columns, rawCells }: CsvOptions,
  { out, pause }: { out: ByteWriter; pause: Pause },
): AsyncGenerator<Buffer> {
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
}

/**
 * Generates the lines of a CSV file while it is read. A piece may end in the middle of a row, so no row or cell needs
 * to fit in memory. Each row is read twice: once to find its cells, and again to write them in the order of the
 * columns.
 */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a generator for each row would cost time, in a loop over many rows.
export async function* csvOf(bytes: Bytes, range: Range, options: CsvOptions): AsyncGenerator<Buffer> {
  const { columns, isAscii, rawCells } = options;
  if (columns.size === 0) return;
  const out = new ByteWriter();
  const pause = createPause();

  if (!isAscii) out.text(BYTE_ORDER_MARK);
  yield* headerOf(bytes, options, { out, pause });

  const row = new RowReader([...columns.keys()], rawCells);
  const scanner = new JsonScanner(row, { offset: range.start, lenient: true });
  const cells = createCellWriter(bytes, out, pause);
  row.attach(scanner);

  while (scanner.offset < range.end) {
    const before = scanner.offset;
    scanner.paused = false;
    scanner.scan(bytes.at(before, range.end));
    await pause(scanner.offset - before);
    if (!row.isWhole) continue;
    if (columns.size === 1 && row.cell(0) === undefined) out.text('""');
    for (let column = 0; column < columns.size; column += 1) {
      if (column > 0) out.byte(COMMA);
      const cell = row.cell(column);
      if (cell !== undefined && !cells.writeShort(cell)) yield* cells.write(cell);
    }
    out.byte(CR);
    out.byte(LF);
    row.next();
    await pause(columns.size);
    if (out.size >= PIECE_BYTES) yield out.take();
  }
  if (out.size > 0) yield out.take();
}
