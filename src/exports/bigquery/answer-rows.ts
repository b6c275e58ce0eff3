import type { Row } from './encode.ts';

/** An answer of `getQueryResults`, whose rows are parsed a group at a time. */
export interface AnswerRows {
  /** The answer without its rows. */
  rest: unknown;
  /** The size of a row in the answer, as far as it can be seen without parsing all. */
  rowBytes: number;
  groups(): Iterable<Row[]>;
}

/** The rows of a group are objects in memory for a short time, so they die young. All rows of a page would not. */
const GROUP_BYTES = 65_536;

const ROW = '"f"';
const COMMA = 44;
const COLON = 58;
const OPENING_BRACKET = 91;
const OPENING_BRACE = 123;

/** The offset of the first byte that is no white space, searching backwards or forwards. */
const skipSpace = (body: Buffer, from: number, step: 1 | -1): number => {
  let at = from;
  while (body[at] === 32 || body[at] === 10 || body[at] === 13 || body[at] === 9) at += step;
  return at;
};

/**
 * The offset at which the next row begins: at `{"f":[` after a comma, or after the bracket that opens the list. No text can look
 * like this, because a quotation mark in a text has a backslash before it; and a STRUCT in a row begins after a colon.
 */
const nextRow = (body: Buffer, from: number, before: typeof COMMA | typeof OPENING_BRACKET): number | undefined => {
  for (let name = body.indexOf(ROW, from); name !== -1; name = body.indexOf(ROW, name + 1)) {
    const brace = skipSpace(body, name - 1, -1);
    const colon = skipSpace(body, name + ROW.length, 1);
    const isRow =
      body[brace] === OPENING_BRACE &&
      body[skipSpace(body, brace - 1, -1)] === before &&
      body[colon] === COLON &&
      body[skipSpace(body, colon + 1, 1)] === OPENING_BRACKET;
    if (isRow) return brace;
  }
  return undefined;
};

const parse = (text: string): unknown => JSON.parse(text);

/** @throws SyntaxError */
export const answerRows = (body: Buffer): AnswerRows => {
  const found = nextRow(body, 0, OPENING_BRACKET);
  const start = found ?? body.byteLength;
  const slices: Buffer[] = [];
  let at = start;
  for (;;) {
    const next = nextRow(body, at + GROUP_BYTES, COMMA);
    if (next === undefined) break;
    slices.push(body.subarray(at, body.lastIndexOf(',', next)));
    at = next;
  }
  // The last group is parsed with what surrounds the rows. An answer of another form has no other group.
  const { rows = [], ...rest } = parse(`${body.toString('utf8', 0, start)}${body.toString('utf8', at)}`) as {
    rows?: Row[];
  };
  const lastBytes = body.byteLength - at + (found === undefined ? at : 0);
  return {
    rest,
    rowBytes: lastBytes / Math.max(1, rows.length),
    *groups() {
      for (const slice of slices) yield parse(`[${slice.toString()}]`) as Row[];
      if (rows.length > 0) yield rows;
    },
  };
};
