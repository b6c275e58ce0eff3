import { invalidQuery } from '../errors.ts';

/** A token of GoogleSQL: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical. */
export interface Token {
  kind: 'word' | 'quoted' | 'string' | 'bytes' | 'number' | 'parameter' | 'positional' | 'symbol';
  /** The value of a string, the name of an identifier or parameter, else the text. */
  text: string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Resolves the escape sequences of a string or an identifier. */
const unescaped = (text: string): string =>
  text.replaceAll(
    /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})|([\s\S]))/g,
    (_, x?: string, u?: string, long?: string, octal?: string, other = '') => {
      const hex = x ?? u ?? long;
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const plain = ESCAPES[other] ?? (/[\\?"'`]/.test(other) ? other : undefined);
      if (plain === undefined) throw invalidQuery(`Syntax error: Illegal escape sequence: \\${other}`);
      return plain;
    },
  );

const SPACE = /(?:\s+|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const STRING =
  /([rR]?[bB]?|[bB][rR])("""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/y;
const QUOTED = /`((?:\\.|[^`\\\n])+)`/y;
const NUMBER = /0[xX][0-9A-Fa-f]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_]\w*/y;
const PARAMETER = /@([A-Za-z_]\w*|`[^`]+`)/y;
const SYMBOL = /<=|>=|!=|<>|\|\||[()[\],.;*+\-/<>=:%^&|~{}?@$!]/y;

const match = (pattern: RegExp, sql: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(sql);
};

const stringToken = ([, prefix = '', literal = '']: RegExpExecArray): Token => {
  const width = literal.startsWith('"""') || literal.startsWith("'''") ? 3 : 1;
  const inner = literal.slice(width, -width);
  const text = /r/i.test(prefix) ? inner : unescaped(inner);
  return { kind: /b/i.test(prefix) ? 'bytes' : 'string', text };
};

/** @throws BigQueryError `invalidQuery` for an illegal character or an unclosed literal */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (found: RegExpExecArray, token: Token): void => {
    tokens.push(token);
    at += found[0].length;
  };
  while (at < sql.length) {
    const space = match(SPACE, sql, at);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const string = match(STRING, sql, at);
    const quoted = match(QUOTED, sql, at);
    const number = match(NUMBER, sql, at);
    const word = match(WORD, sql, at);
    const parameter = match(PARAMETER, sql, at);
    const symbol = match(SYMBOL, sql, at);
    if (string !== null) take(string, stringToken(string));
    else if (quoted !== null) take(quoted, { kind: 'quoted', text: unescaped(quoted[1] ?? '') });
    // In "a.1" the dot belongs to a path, but no path has a part that begins with a digit where this is used.
    else if (number !== null) take(number, { kind: 'number', text: number[0] });
    else if (word !== null) take(word, { kind: 'word', text: word[0] });
    else if (parameter !== null) take(parameter, { kind: 'parameter', text: (parameter[1] ?? '').replaceAll('`', '') });
    else if (symbol?.[0] === '?') take(symbol, { kind: 'positional', text: '?' });
    else if (symbol !== null) take(symbol, { kind: 'symbol', text: symbol[0] });
    else throw invalidQuery(`Syntax error: Illegal input character ${JSON.stringify(sql[at])}`);
  }
  return tokens;
}
