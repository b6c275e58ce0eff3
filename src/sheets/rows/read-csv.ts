import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, type Options, parse } from 'csv-parse';
import { bareCell, type Cell, textCell } from './cell.ts';
import { checkCell, checkColumns, checkWidth, invalidTable, MAX_COLUMNS, type RowOrHeader, tooWide } from './table.ts';

/** A longer row is probably a quote that is not closed. In bytes. */
const MAX_ROW_BYTES = 16 * 1_048_576;

export interface ReadOptions {
  /** ISO dates become date cells. */
  dates: boolean;
  /** Rows are taken as they are: columns need no names, and rows may be longer than the first one. Default: false. */
  anyShape?: boolean;
}

interface CsvFormat extends ReadOptions {
  /** Undefined: a comma, unless the first row has only semicolons. */
  delimiter: string | undefined;
  /** Quoted cells are texts, and only unquoted ones may be numbers. */
  quotedIsText: boolean;
}

/** The first line decides: programs in many locales write semicolons. */
const delimiterOf = (start: string): string => {
  const [line = ''] = start.split(/[\r\n]/, 1);
  const bare = line.replaceAll(/"[^"]*"/g, '');
  return !bare.includes(',') && bare.includes(';') ? ';' : ',';
};

const asInvalid = (error: unknown): unknown =>
  error instanceof CsvError
    ? invalidTable(
        `The CSV is malformed near line ${String((error as { lines?: number }).lines ?? '?')} (${error.code}).`,
      )
    : error;

const parserOptions = ({ dates, quotedIsText, anyShape = false }: CsvFormat, delimiter: string): Options => ({
  bom: true,
  record_delimiter: ['\r\n', '\n', '\r'],
  delimiter,
  relax_column_count: true,
  // An empty line in a table that is taken as it is separates its parts.
  skip_empty_lines: !anyShape,
  max_record_size: MAX_ROW_BYTES,
  cast: (text, { quoting, records, index }) => {
    // Refused here, before the parser has the whole row: it copies rows that differ from the first one in length.
    if (Number(index) >= MAX_COLUMNS) throw tooWide();
    checkCell(text, records + 1);
    if (records === 0) return text;
    return quoting && quotedIsText ? textCell(text, dates) : bareCell(text, dates);
  },
});

/** The cells of a row for the columns of the header: missing ones are empty, and there must not be more. */
const cellsOf = (record: readonly Cell[], width: number, row: number): readonly Cell[] => {
  for (let index = width; index < record.length; index += 1) {
    if (record[index] !== null) throw invalidTable(`Row ${row} has more cells than the header, which has ${width}.`);
  }
  return record.length > width ? record.slice(0, width) : record;
};

/** Reads the first text of a stream ahead. */
const peek = async (texts: AsyncIterator<string>): Promise<{ start: string; whole: AsyncGenerator<string> }> => {
  let start = '';
  while (!/[\r\n]/.test(start) && start.length < 65_536) {
    const next = await texts.next();
    if (next.done === true) break;
    start += next.value;
  }
  const whole = async function* (): AsyncGenerator<string> {
    try {
      yield start;
      yield* { [Symbol.asyncIterator]: () => texts };
    } finally {
      await texts.return?.();
    }
  };
  return { start, whole: whole() };
};

/**
 * Reads the rows of a CSV file (RFC 4180) while it arrives. The first row has the names of the columns.
 * @throws CourierError `request-invalid`, and what the texts throw
 */
export async function* readCsv(texts: AsyncIterable<string>, format: CsvFormat): AsyncGenerator<RowOrHeader> {
  const { start, whole } = await peek(texts[Symbol.asyncIterator]());
  const parser = parse(parserOptions(format, format.delimiter ?? delimiterOf(start)));
  // A failure of the texts reaches the loop below, because it destroys the parser.
  const feeding = pipeline(Readable.from(whole), parser).catch(() => undefined);
  let columns: readonly string[] | undefined;
  let row = 1;
  try {
    for await (const record of parser as AsyncIterable<readonly Cell[]>) {
      if (columns === undefined) {
        columns = format.anyShape === true ? checkWidth(record.map(String)) : checkColumns(record.map(String));
        yield { columns, cells: undefined };
      } else if (format.anyShape === true) {
        yield { columns, cells: record };
      } else yield { columns, cells: cellsOf(record, columns.length, row) };
      row += 1;
    }
  } catch (error) {
    throw asInvalid(error);
  } finally {
    parser.destroy();
    await feeding;
  }
}
