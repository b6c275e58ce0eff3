export type Scalar = string | number | boolean;

/** A cell with more than a plain value. */
export interface RichCell {
  /** Undefined for an empty cell that has a format or a note. */
  readonly value?: Scalar;
  /** With its `=`. Formulas are kept and not evaluated. */
  readonly formula?: string;
  /** `CellFormat` */
  readonly format?: Readonly<Record<string, unknown>>;
  readonly note?: string;
}

/** Most cells are plain values, which take the least memory. Null is an empty cell. */
export type Cell = Scalar | RichCell | null;

/** Ends with its last cell that is not empty. Rows are never changed, only replaced, so copies of a tab can share them. */
export type Row = readonly Cell[];

/** Half-open, with indexes from 0. An undefined end is open. */
export interface GridRange {
  sheetId: number;
  startRowIndex: number;
  endRowIndex: number | undefined;
  startColumnIndex: number;
  endColumnIndex: number | undefined;
}

export interface ProtectedRange {
  readonly id: number;
  readonly range: GridRange;
  readonly unprotected: readonly GridRange[];
  readonly description?: string | undefined;
  readonly warningOnly: boolean;
  readonly users: readonly string[];
  readonly groups: readonly string[];
}

export interface NamedRange {
  readonly id: string;
  readonly name: string;
  readonly range: GridRange;
}

/** A tab, which the API calls a sheet. */
export interface Tab {
  readonly id: number;
  readonly title: string;
  readonly rowCount: number;
  readonly columnCount: number;
  /** The other members of `SheetProperties` and `GridProperties`, as they were set. */
  readonly properties: Readonly<Record<string, unknown>>;
  readonly gridProperties: Readonly<Record<string, unknown>>;
  readonly merges: readonly GridRange[];
  readonly protectedRanges: readonly ProtectedRange[];
  readonly basicFilter?: (Readonly<Record<string, unknown>> & { readonly range: GridRange }) | undefined;
  /** Ends with the last row that is not empty. */
  readonly rows: readonly Row[];
}

export type Dimension = 'ROWS' | 'COLUMNS';

/** "The dimension range must represent a single row or column" (reference, DeveloperMetadataLocation). */
export type MetadataLocation =
  | { readonly type: 'SPREADSHEET' }
  | { readonly type: 'SHEET'; readonly sheetId: number }
  | { readonly type: 'ROW' | 'COLUMN'; readonly sheetId: number; readonly index: number };

export interface Metadata {
  readonly id: number;
  readonly key: string;
  readonly value?: string | undefined;
  readonly visibility: 'DOCUMENT' | 'PROJECT';
  /** The Cloud project that created it. */
  readonly project: string;
  readonly location: MetadataLocation;
}

/** The content of a spreadsheet. Its title is the name of its Drive file. */
export interface Workbook {
  readonly locale: string;
  readonly timeZone: string;
  readonly autoRecalc: string;
  readonly tabs: readonly Tab[];
  /** Most spreadsheets have unique IDs. With `duplicateMetadataIds: 'allow'`, an ID can occur several times. */
  readonly metadata: readonly Metadata[];
  readonly namedRanges: readonly NamedRange[];
}

/** A new tab has 1000 rows and 26 columns: sheets/api/reference, observed in answers of spreadsheets.create. */
export const DEFAULT_GRID = { rowCount: 1000, columnCount: 26 };

export const newTab = (id: number, title: string, grid: Partial<typeof DEFAULT_GRID> = {}): Tab => ({
  id,
  title,
  ...DEFAULT_GRID,
  ...grid,
  properties: {},
  gridProperties: {},
  merges: [],
  protectedRanges: [],
  rows: [],
});

export const newWorkbook = (tabs: readonly Tab[] = [newTab(0, 'Sheet1')]): Workbook => ({
  locale: 'en_US',
  timeZone: 'Etc/GMT',
  autoRecalc: 'ON_CHANGE',
  tabs,
  metadata: [],
  namedRanges: [],
});

export const isRich = (cell: Cell): cell is RichCell => typeof cell === 'object' && cell !== null;

export const plainValue = (cell: Cell | undefined): Scalar | undefined =>
  cell === undefined || cell === null ? undefined : isRich(cell) ? cell.value : cell;

/** True for a cell with a value or formula. A format alone is no data. */
export const hasData = (cell: Cell | undefined): boolean =>
  cell !== undefined && cell !== null && (!isRich(cell) || cell.value !== undefined || cell.formula !== undefined);

/** Removes the empty cells at the end. */
export function trimmed(cells: Cell[]): Row {
  let length = cells.length;
  while (length > 0 && (cells[length - 1] ?? null) === null) length -= 1;
  if (length < cells.length) cells.length = length;
  return cells;
}

export const cellCount = ({ tabs }: Workbook): number =>
  tabs.reduce((sum, { rowCount, columnCount }) => sum + rowCount * columnCount, 0);
