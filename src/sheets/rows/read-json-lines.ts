import { numberOf } from '../../text/exact-number.ts';
import { type Cell, textCell } from './cell.ts';
import type { ReadOptions } from './read-csv.ts';
import { checkCell, checkColumns, invalidTable, type Row } from './table.ts';

const MAX_LINE_CHARACTERS = 16 * 1_048_576;

// Node has it since version 22; TypeScript's library does not know it yet.
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/** A number as the document writes it: a double may not hold it. */
class WrittenNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toJSON(): unknown {
    return rawJson(this.text);
  }
}

type Reviver = (key: string, value: unknown, context: { source: string }) => unknown;

const keepNumbers: Reviver = (_, value, { source }) => (typeof value === 'number' ? new WrittenNumber(source) : value);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof WrittenNumber);

const cellOf = (value: unknown, dates: boolean): Cell => {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return textCell(value, dates);
  if (value instanceof WrittenNumber) return numberOf(value.text) ?? value.text;
  return JSON.stringify(value);
};

/** Rows with the same names in the same order share one array of columns. */
const createColumnSets = () => {
  const known = new Map<string, readonly string[]>();
  return (names: readonly string[]): readonly string[] => {
    const key = JSON.stringify(names);
    const columns = known.get(key) ?? checkColumns(names);
    if (known.size < 1_000) known.set(key, columns);
    return columns;
  };
};

const parseLine = (line: string, row: number): Record<string, unknown> => {
  let value: unknown;
  try {
    value = JSON.parse(line, keepNumbers as Parameters<typeof JSON.parse>[1]);
  } catch {
    throw invalidTable(`Line ${row} is not JSON.`);
  }
  if (!isRecord(value)) throw invalidTable(`Line ${row} is not a JSON object.`);
  return value;
};

async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const text of texts) {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARACTERS)
      throw invalidTable(`A line has more than ${MAX_LINE_CHARACTERS} characters.`);
    yield* lines;
  }
  yield rest;
}

/** Reads rows from JSON Lines: one object a line, whose names are the columns. @throws CourierError `request-invalid` */
export async function* readJsonLines(texts: AsyncIterable<string>, { dates }: ReadOptions): AsyncGenerator<Row> {
  const columnsOf = createColumnSets();
  let row = 0;
  for await (const line of linesOf(texts)) {
    row += 1;
    if (line.trim() === '') continue;
    const record = parseLine(line, row);
    const cells = Object.values(record).map((value) => checkCell(cellOf(value, dates), row));
    yield { columns: columnsOf(Object.keys(record)), cells };
  }
}
