/** `A`, `Z`, `AA`, … @param index from 0 */
const columnLetters = (index: number): string => {
  let letters = '';
  for (let rest = index + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  }
  return letters;
};

/** A tab's name in A1 notation. It is quoted unless it is a plain word that cannot be mistaken for a cell. */
const tabName = (title: string): string =>
  /^[A-Za-z_]\w*$/.test(title) && !/^[A-Za-z]{1,3}\d+$/.test(title) && !/^R\d*C\d*$/i.test(title)
    ? title
    : quotedTab(title);

export const quotedTab = (title: string): string => `'${title.replaceAll("'", "''")}'`;

/** The rows of a tab, over its first columns, in A1 notation. @param startRow from 0 */
export const rowsRange = (title: string, startRow: number, rows: number, width: number): string => {
  const first = `A${startRow + 1}`;
  const last = `${columnLetters(Math.max(width, 1) - 1)}${startRow + Math.max(rows, 1)}`;
  return `${tabName(title)}!${first === last ? first : `${first}:${last}`}`;
};

/** A range as the name of its tab with the "!" and its first and last cell. The name may have any character, also quoted ones. */
export const partsOfRange = (range: string): { tab: string; first: string; last: string } => {
  const at = range.lastIndexOf('!') + 1;
  const [first = '', last = first] = range.slice(at).split(':');
  return { tab: range.slice(0, at), first, last };
};

/** The cells of the first of several ranges in one text. */
export const firstCells = (ranges: string): string => /^(?:'(?:[^']|'')*'|[^'!]*)!([^,]*)/.exec(ranges)?.[1] ?? '';
