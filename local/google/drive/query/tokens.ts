import { invalidValue } from '../errors.ts';

/** A token of a `q` string. Text is already unescaped. */
export type Token =
  | { kind: 'text'; text: string }
  | { kind: 'word'; word: string }
  | { kind: 'sign'; sign: '(' | ')' | '{' | '}' | '=' | '!=' | '<' | '<=' | '>' | '>=' };

const SPACE = /\s+/y;
const WORD = /[A-Za-z][\w.]*/y;
const SIGN = /!=|<=|>=|[(){}=<>]/y;
/** The only escapes are `\'` and `\\` (guides/search-files, "escape single quotes and backslashes"). */
const TEXT = /'((?:[^'\\]|\\['\\])*)'/y;

/** @throws DriveError 400 "Invalid Value" for an unknown character */
export function tokensOf(q: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(q);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  while (at < q.length) {
    if (take(SPACE) !== null) continue;
    const text = take(TEXT);
    const word = text === null ? take(WORD) : null;
    const sign = text === null && word === null ? take(SIGN) : null;
    if (text !== null) tokens.push({ kind: 'text', text: (text[1] ?? '').replace(/\\(.)/gs, '$1') });
    else if (word !== null) tokens.push({ kind: 'word', word: word[0] });
    else if (sign !== null) tokens.push({ kind: 'sign', sign: sign[0] as (Token & { kind: 'sign' })['sign'] });
    else throw invalidValue('q');
  }
  return tokens;
}
