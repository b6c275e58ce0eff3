const QUOTES = ['"""', "'''", '"', "'", '`'];
const after = (sql: string, end: string, from: number): number => {
  const at = sql.indexOf(end, from);
  return at === -1 ? sql.length : at + end.length;
};

/**
 * The end of the comment, string or quoted name that begins at an offset of a GoogleSQL text; undefined if none begins
 * there. In a raw string, too, a backslash keeps the next quote from ending it.
 */
export const endOfNonCode = (sql: string, start: number): number | undefined => {
  if (sql.startsWith('--', start) || sql[start] === '#') return after(sql, '\n', start);
  if (sql.startsWith('/*', start)) return after(sql, '*/', start + 2);
  const quote = QUOTES.find((each) => sql.startsWith(each, start));
  if (quote === undefined) return undefined;
  let at = start + quote.length;
  while (at < sql.length && !sql.startsWith(quote, at)) at += sql[at] === '\\' ? 2 : 1;
  return at + quote.length;
};
