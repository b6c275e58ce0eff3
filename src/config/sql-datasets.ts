import { endOfNonCode } from '../text/sql.ts';

interface Token {
  /** A word, the text of a name in backticks, or one other character. */
  text: string;
  kind: 'word' | 'quoted' | 'other';
}

const WORD = /[A-Za-z_]\w*(?:-\w+)*/y;

/** The tokens of GoogleSQL, without comments, strings and spaces. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one case for each kind of token.
const tokensOf = (sql: string): Token[] => {
  const tokens: Token[] = [];
  for (let at = 0; at < sql.length; ) {
    const end = endOfNonCode(sql, at);
    WORD.lastIndex = at;
    const [word] = (end === undefined ? WORD.exec(sql) : null) ?? [];
    if (end !== undefined && sql[at] === '`') tokens.push({ kind: 'quoted', text: sql.slice(at + 1, end - 1) });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (end === undefined && /\S/.test(sql[at] ?? '')) tokens.push({ kind: 'other', text: sql[at] ?? '' });
    at = end ?? at + (word?.length ?? 1);
  }
  return tokens;
};

/** Words that follow a table and are not its alias. */
const CLAUSES = new Set(
  'AS,CROSS,EXCEPT,FOR,FULL,GROUP,HAVING,INNER,INTERSECT,JOIN,LEFT,LIMIT,ON,ORDER,PIVOT,QUALIFY,RIGHT,TABLESAMPLE,UNION,UNPIVOT,USING,WHERE,WINDOW,WITH'.split(
    ',',
  ),
);

const upper = (token: Token | undefined): string => (token?.kind === 'word' ? token.text.toUpperCase() : '');
const is = (token: Token | undefined, text: string): boolean => token?.kind === 'other' && token.text === text;

/** The path that begins at a token, such as `project.dataset.table`, and the index after it. */
const pathAt = (tokens: readonly Token[], start: number): { parts: string[]; next: number } => {
  const parts: string[] = [];
  let at = start;
  while (tokens[at] !== undefined && tokens[at]?.kind !== 'other') {
    const { kind, text } = tokens[at] as Token;
    // All of a path may be in one pair of backticks. The project of a domain has a dot before its colon.
    parts.push(...(kind === 'quoted' ? text.split(/\.(?![^.:]+:)/) : [text]));
    at += 1;
    if (!is(tokens[at], '.')) break;
    at += 1;
  }
  return { parts, next: at };
};

/** The index behind the parenthesis that closes the one at this index. */
const afterParentheses = (tokens: readonly Token[], start: number): number => {
  let depth = 0;
  for (let at = start; at < tokens.length; at++) {
    if (is(tokens[at], '(')) depth += 1;
    if (is(tokens[at], ')')) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return tokens.length;
};

/** The names that a query defines itself: common table expressions, and aliases. */
const definedNames = (tokens: readonly Token[]): ReadonlySet<string> => {
  const names = tokens.flatMap((token, at) => {
    const isAlias = upper(tokens[at - 1]) === 'AS' && token.kind !== 'other';
    const isTableExpression = upper(tokens[at + 1]) === 'AS' && is(tokens[at + 2], '(');
    return isAlias || isTableExpression ? [token.text.toLowerCase()] : [];
  });
  return new Set(names);
};

/** True for the words FROM and JOIN that a table follows: not in `EXTRACT(DAY FROM x)` and `IS DISTINCT FROM x`. */
const introducesTable = (tokens: readonly Token[], at: number, call: string | undefined): boolean => {
  const word = upper(tokens[at]);
  return word === 'JOIN' || (word === 'FROM' && call !== 'EXTRACT' && upper(tokens[at - 1]) !== 'DISTINCT');
};

export interface SqlDatasets {
  /** `PROJECT.DATASET` */
  datasets: readonly string[];
  /** False if the query may read more than these. */
  isComplete: boolean;
}

/**
 * The datasets that a query names. Permissions are granted by the answer, so SQL that is not certain is left out, and the
 * answer is then marked as incomplete.
 */
export const datasetsInSql = (sql: string, project: string): SqlDatasets => {
  const tokens = tokensOf(sql);
  const defined = new Set(definedNames(tokens));
  const datasets = new Set<string>();
  let isComplete = true;

  const addTable = (parts: readonly string[], isFirst: boolean): void => {
    const [first = ''] = parts;
    if (parts.length === 1) return;
    if (defined.has(first.toLowerCase())) {
      // After a comma or JOIN it is an array of another table. After FROM it may be that, or a dataset of the same name.
      if (isFirst) isComplete = false;
    } else if (parts.length > 3 || parts.some((part) => part.toUpperCase() === 'INFORMATION_SCHEMA'))
      isComplete = false;
    else datasets.add(parts.length === 2 ? `${project}.${first}` : parts.slice(0, 2).join('.'));
  };

  /** The index behind an alias, if there is one, which is remembered. */
  const afterAlias = (at: number): number => {
    if (upper(tokens[at]) === 'AS') return at + 2;
    const token = tokens[at];
    if (token === undefined || token.kind === 'other' || CLAUSES.has(upper(token))) return at;
    defined.add(token.text.toLowerCase());
    return at + 1;
  };

  /** Reads the tables from this token on, which commas separate. */
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: this is the grammar of a list of tables, in its order.
  const readTables = (start: number, isFrom: boolean): void => {
    for (let at = start, isFirst = isFrom; ; isFirst = false) {
      const { parts, next } = pathAt(tokens, at);
      const isCall = is(tokens[next], '(');
      if (parts.length === 0 && !isCall) return;
      if (!isCall) addTable(parts, isFirst);
      // The tables in a subquery are found by their own FROM. What a table function reads is unknown.
      else if (parts.length > 0 && upper(tokens[at]) !== 'UNNEST') isComplete = false;
      at = afterAlias(isCall ? afterParentheses(tokens, next) : next);
      if (!is(tokens[at], ',')) return;
      at += 1;
    }
  };

  const calls: string[] = [];
  for (const [at, token] of tokens.entries()) {
    if (is(token, '(')) calls.push(upper(tokens[at - 1]));
    else if (is(token, ')')) calls.pop();
    else if (introducesTable(tokens, at, calls.at(-1))) readTables(at + 1, upper(token) === 'FROM');
  }
  return { datasets: [...datasets].sort(), isComplete };
};
