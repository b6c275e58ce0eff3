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

/**
 * How rows begin in an answer without white space. Neither can be within a text, where a quotation mark has a backslash before
 * it; and a STRUCT in a row begins after a colon.
 */
const FIRST = '"rows":[';
const NEXT = ',{"f":[';

const parse = (text: string): unknown => JSON.parse(text);

/** @throws SyntaxError */
export const answerRows = (body: Buffer): AnswerRows => {
  const found = body.indexOf(`${FIRST}{"f":[`);
  const start = found === -1 ? body.byteLength : found + FIRST.length;
  const slices: Buffer[] = [];
  let at = start;
  for (;;) {
    const next = body.indexOf(NEXT, at + GROUP_BYTES);
    if (next === -1) break;
    slices.push(body.subarray(at, next));
    at = next + 1;
  }
  // The last group is parsed with what surrounds the rows. An answer of another form has no other group.
  const { rows = [], ...rest } = parse(`${body.toString('utf8', 0, start)}${body.toString('utf8', at)}`) as {
    rows?: Row[];
  };
  const lastBytes = body.byteLength - at + (found === -1 ? at : 0);
  return {
    rest,
    rowBytes: lastBytes / Math.max(1, rows.length),
    *groups() {
      for (const slice of slices) yield parse(`[${slice.toString()}]`) as Row[];
      if (rows.length > 0) yield rows;
    },
  };
};
