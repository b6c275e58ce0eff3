import { numberOf } from '../../text/exact-number.ts';
import { turn } from '../../turns.ts';
import { type Cell, textCell } from './cell.ts';
import type { ReadOptions } from './read-csv.ts';
import { checkCell, checkColumns, invalidTable, type Row } from './table.ts';

const MAX_LINE_CHARACTERS = 16 * 1_048_576;

/** Values in one line, with those in nested values. A row has at most 18,278 cells. */
const MAX_VALUES = 20_000;
/** A line of this length has few enough values. */
const MAX_UNCHECKED_CHARACTERS = 32_768;

const QUOTE = 34;
const COMMA = 44;
const OPENING_BRACKET = 91;
const BACKSLASH = 92;
const OPENING_BRACE = 123;

/** Counts the values in a JSON text that arrives in pieces. They begin after a comma or an opening bracket. */
const createValueCounter = () => {
  let values = 0;
  let isText = false;
  let isEscaped = false;
  return {
    // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one step for each state, in a loop over many characters.
    add(piece: string): void {
      for (let at = 0; at < piece.length; at += 1) {
        const code = piece.charCodeAt(at);
        if (isEscaped) isEscaped = false;
        else if (isText) {
          if (code === QUOTE) isText = false;
          else if (code === BACKSLASH) isEscaped = true;
        } else if (code === QUOTE) isText = true;
        else if (code === COMMA || code === OPENING_BRACKET || code === OPENING_BRACE) values += 1;
      }
    },
    values: () => values,
  };
};

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

/** Collects one line, piece by piece. A long line is checked before it is parsed, since parsing blocks other requests. */
const createLine = () => {
  let pieces: string[] = [];
  let characters = 0;
  let counter: ReturnType<typeof createValueCounter> | undefined;
  return {
    add(piece: string): void {
      pieces.push(piece);
      characters += piece.length;
      if (characters > MAX_LINE_CHARACTERS)
        throw invalidTable(`A line has more than ${MAX_LINE_CHARACTERS} characters.`);
      if (characters <= MAX_UNCHECKED_CHARACTERS) return;
      const unread = counter === undefined ? pieces : [piece];
      counter ??= createValueCounter();
      for (const text of unread) counter.add(text);
      if (counter.values() > MAX_VALUES) throw invalidTable(`A line has more than ${MAX_VALUES} values.`);
    },
    end(): string {
      const line = pieces.join('');
      [pieces, characters, counter] = [[], 0, undefined];
      return line;
    },
  };
};

async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<string> {
  const line = createLine();
  for await (const text of texts) {
    let at = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', at)) {
      line.add(text.slice(at, end));
      yield line.end();
      at = end + 1;
    }
    line.add(text.slice(at));
  }
  yield line.end();
}

/** Reads rows from JSON Lines: one object a line, whose names are the columns. @throws CourierError `request-invalid` */
export async function* readJsonLines(texts: AsyncIterable<string>, { dates }: ReadOptions): AsyncGenerator<Row> {
  const columnsOf = createColumnSets();
  let row = 0;
  for await (const line of linesOf(texts)) {
    row += 1;
    if (line.trim() === '') continue;
    const isLong = line.length > MAX_UNCHECKED_CHARACTERS;
    if (isLong) await turn();
    const record = parseLine(line, row);
    if (isLong) await turn();
    const cells = Object.values(record).map((value) => checkCell(cellOf(value, dates), row));
    yield { columns: columnsOf(Object.keys(record)), cells };
  }
}
