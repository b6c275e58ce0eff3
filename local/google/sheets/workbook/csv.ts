import { enteredCell } from './entered.ts';
import { type Cell, DEFAULT_GRID, newTab, newWorkbook, type Row, type Tab, trimmed, type Workbook } from './model.ts';
import { formattedValue } from './rendered.ts';

/** Splits delimited text into rows of fields (RFC 4180). A quote that is never closed takes the rest of the text. */
function* recordsIn(text: string, delimiter: string): Generator<string[]> {
  let fields: string[] = [];
  let at = text.startsWith('\u{feff}') ? 1 : 0;
  const plainEnd = new RegExp(`[${delimiter}\r\n]`, 'g');
  while (at < text.length) {
    let field: string;
    if (text[at] === '"') {
      let quoted = '';
      at += 1;
      for (;;) {
        const close = text.indexOf('"', at);
        quoted += text.slice(at, close < 0 ? text.length : close);
        at = close < 0 ? text.length : close + 1;
        if (text[at] !== '"' || close < 0) break;
        quoted += '"';
        at += 1;
      }
      plainEnd.lastIndex = at;
      const end = plainEnd.exec(text)?.index ?? text.length;
      field = quoted + text.slice(at, end);
      at = end;
    } else {
      plainEnd.lastIndex = at;
      const end = plainEnd.exec(text)?.index ?? text.length;
      field = text.slice(at, end);
      at = end;
    }
    fields.push(field);
    if (text[at] === delimiter) {
      at += 1;
      // A delimiter at the very end is followed by an empty field.
      if (at < text.length) continue;
      fields.push('');
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at += 1;
    at += 1;
    yield fields;
    fields = [];
  }
}

/**
 * The workbook that a delimited text is converted to. Values are recognized as if a person typed them, as Drive does for
 * imports: numbers, dates and formulas, not only text. @param title of the tab
 */
export function workbookFromText(text: string, delimiter: string, title: string): Workbook {
  const rows: Row[] = [];
  let columns = 0;
  for (const fields of recordsIn(text, delimiter)) {
    const cells: Cell[] = fields.map(enteredCell);
    columns = Math.max(columns, cells.length);
    rows.push(trimmed(cells));
  }
  while (rows.length > 0 && rows[rows.length - 1]?.length === 0) rows.pop();
  const grid = {
    rowCount: Math.max(rows.length, DEFAULT_GRID.rowCount),
    columnCount: Math.max(columns, DEFAULT_GRID.columnCount),
  };
  return newWorkbook([{ ...newTab(0, title, grid), rows }]);
}

const quoted = (text: string, delimiter: string): string =>
  text.includes('"') || text.includes(delimiter) || /[\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/**
 * The displayed values of a tab as delimited text, with CRLF between rows. All rows get as many fields as the widest one.
 * Tab-separated text has no quotes: tabs and line breaks in values become spaces.
 */
export function textOfTab({ rows }: Tab, delimiter: ',' | '\t'): string {
  const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const field = (text: string): string =>
    delimiter === '\t' ? text.replace(/[\t\r\n]+/g, ' ') : quoted(text, delimiter);
  return rows
    .map((row) => Array.from({ length: width }, (_, at) => field(formattedValue(row[at]))).join(delimiter))
    .join('\r\n');
}
