import { viewPath } from '../drive/files/links.ts';
import type { StoredFile } from '../drive/model.ts';
import { columnName, parseRange, quotedTitle } from '../sheets/workbook/a1.ts';
import { type Cell, type GridRange, plainValue, type Tab, type Workbook } from '../sheets/workbook/model.ts';
import { formattedValue } from '../sheets/workbook/rendered.ts';
import { html, type Markup, name } from './markup.ts';

/** Rows and columns on one page. A spreadsheet may have ten million cells. */
const MAX_ROWS = 200;
const MAX_COLUMNS = 60;
/** Some empty rows and columns, so that a small table looks like a sheet. */
const MIN_ROWS = 20;
const MIN_COLUMNS = 8;

/**
 * The cells that a link selects: `#gid=5&range=A2:C9` in real Sheets. Servers do not get the part after `#`, so it can be a
 * query, too.
 */
interface Wanted {
  gid: string | null;
  range: string | null;
  from: string | null;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);

const isIn = (area: GridRange | undefined, row: number, column: number): boolean =>
  area !== undefined &&
  row >= area.startRowIndex &&
  row < (area.endRowIndex ?? Number.POSITIVE_INFINITY) &&
  column >= area.startColumnIndex &&
  column < (area.endColumnIndex ?? Number.POSITIVE_INFINITY);

const cellMarkup = (cell: Cell | undefined, isSelected: boolean): Markup => {
  const kind = typeof plainValue(cell) === 'number' ? 'number' : undefined;
  const classes = [kind, isSelected ? 'selected' : undefined].filter((each) => each !== undefined).join(' ');
  const text = formattedValue(cell);
  return classes === ''
    ? html`<td>${text === '' ? undefined : name(text)}</td>`
    : html`<td class="${classes}">${text === '' ? undefined : name(text)}</td>`;
};

const tabLink = (file: StoredFile, tab: Tab, isHere: boolean): Markup =>
  html`<li><a href="${viewPath(file)}?gid=${tab.id}#grid"${isHere ? html` aria-current="page"` : undefined}>${name(tab.title)}</a></li>`;

/** Links to the other pages of a long tab. */
function pages(file: StoredFile, tab: Tab, first: number, last: number): Markup | undefined {
  if (first === 0 && last >= tab.rows.length) return undefined;
  const link = (from: number, text: string): Markup =>
    html`<a class="link" href="${viewPath(file)}?gid=${tab.id}&amp;from=${from}#grid">${text}</a> `;
  return html`<p class="pages">${first > 0 ? link(Math.max(0, first - MAX_ROWS), 'Previous rows') : undefined}Rows ${first + 1} to ${last} of ${tab.rows.length.toLocaleString('en-US')} ${last < tab.rows.length ? link(last, 'Next rows') : undefined}</p>`;
}

/** The grid of a spreadsheet: its tabs, and the cells of one of them. */
export function gridBody(file: StoredFile, workbook: Workbook, wanted: Wanted): Markup {
  const tab = workbook.tabs.find(({ id }) => String(id) === wanted.gid) ?? workbook.tabs[0];
  if (tab === undefined) return html``;
  const selected =
    wanted.range === null ? undefined : parseRange(workbook, `${quotedTitle(tab.title)}!${wanted.range}`)?.range;
  const start = Math.trunc(Number(wanted.from ?? selected?.startRowIndex) || 0);
  // A link to a range shows the rows around it.
  const first = wanted.from === null && start < MAX_ROWS ? 0 : Math.min(Math.max(0, start), tab.rowCount - 1);
  const last = Math.min(tab.rowCount, Math.max(first + MIN_ROWS, Math.min(tab.rows.length, first + MAX_ROWS)));
  const rows = tab.rows.slice(first, last);
  const width = rows.reduce((most, row) => Math.max(most, row.length), MIN_COLUMNS);
  const columns = range(0, Math.min(width, tab.columnCount, MAX_COLUMNS));
  const hidden =
    width > columns.length
      ? html`<p class="muted">Columns after ${columnName(columns.length - 1)} are not shown.</p>`
      : undefined;
  return html`<section id="grid" class="sheet"><ul class="tabs" aria-label="Sheets">${workbook.tabs.map((each) => tabLink(file, each, each === tab))}</ul>
${pages(file, tab, first, Math.min(last, tab.rows.length))}<div class="scroll"><table class="grid"><thead><tr><th></th>${columns.map((column) => html`<th scope="col">${columnName(column)}</th>`)}</tr></thead>
<tbody>${range(first, last).map(
    (
      row,
    ) => html`<tr><th scope="row">${row + 1}</th>${columns.map((column) => cellMarkup(tab.rows[row]?.[column], isIn(selected, row, column)))}</tr>
`,
  )}</tbody></table></div>${hidden}</section>`;
}
