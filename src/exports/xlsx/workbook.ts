import { CourierError } from '../../errors.ts';
import { MAX_ZIP_BYTES, ZipLimitError, zipStream } from './zip-stream.ts';

/** Excel's limits: https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3. */
const MAX_ROWS = 1_048_576;
const MAX_CELL_CHARACTERS = 32_767;

/** A cell of a workbook; null for an empty one. A text is never a formula. */
export type WorkbookCell = null | string | boolean | { number: string };

const tooLarge = (detail: string): CourierError =>
  new CourierError('too-large', {
    detail,
    reason: 'xlsx-limit',
    remedy: 'Request less, or the format csv, which has no such limit.',
  });

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/**
 * XML cannot contain control characters, lone surrogates, U+FFFE and U+FFFF, and changes line breaks. Excel writes them as `_x000D_`, and
 * such a text in the data as `_x005F_x000D_` (ECMA-376, ST_Xstring).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
const UNSAFE = /[&<>]|[\u0000-\u0008\u000b-\u001f\ufffe\uffff]|\p{Cs}|_(?=x[0-9A-Fa-f]{4}_)/gu;

const xmlText = (text: string): string =>
  text.replaceAll(
    UNSAFE,
    (character) => ESCAPES[character] ?? `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`,
  );

/** A, B, …, Z, AA, AB, … */
const columnName = (index: number): string =>
  `${index < 26 ? '' : columnName(Math.floor(index / 26) - 1)}${String.fromCharCode(65 + (index % 26))}`;

const cellXml = (cell: WorkbookCell, address: string): string => {
  if (cell === null) return '';
  if (typeof cell === 'boolean') return `<c r="${address}" t="b"><v>${cell ? 1 : 0}</v></c>`;
  if (typeof cell === 'object') return `<c r="${address}"><v>${cell.number}</v></c>`;
  if (cell.length > MAX_CELL_CHARACTERS)
    throw tooLarge(`A cell has ${cell.length} characters; Excel allows ${MAX_CELL_CHARACTERS}.`);
  return `<c r="${address}" t="inlineStr"><is><t xml:space="preserve">${xmlText(cell)}</t></is></c>`;
};

/** Writes the rows of a sheet, and refuses more than Excel has. @throws CourierError `too-large` */
export const createSheetRows = (): ((cells: readonly WorkbookCell[]) => string) => {
  const columns: string[] = [];
  let rows = 0;
  return (cells) => {
    rows += 1;
    if (rows > MAX_ROWS)
      throw tooLarge(`Excel allows ${MAX_ROWS} rows, including the header, and the result has more.`);
    while (columns.length < cells.length) columns.push(columnName(columns.length));
    return `<row r="${rows}">${cells.map((cell, index) => cellXml(cell, `${columns[index]}${rows}`)).join('')}</row>`;
  };
};

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const SCHEMAS = 'http://schemas.openxmlformats.org';
const MAIN = `xmlns="${SCHEMAS}/spreadsheetml/2006/main"`;
const RELATIONS = `${SCHEMAS}/officeDocument/2006/relationships`;
const SHEET_TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

export const SHEET_HEAD = `${XML}<worksheet ${MAIN}><sheetData>`;
export const SHEET_TAIL = '</sheetData></worksheet>';

const relationships = (list: readonly [id: string, type: string, target: string][]): string =>
  `${XML}<Relationships xmlns="${SCHEMAS}/package/2006/relationships">${list
    .map(([id, type, target]) => `<Relationship Id="${id}" Type="${RELATIONS}/${type}" Target="${target}"/>`)
    .join('')}</Relationships>`;

/** The parts of a workbook besides its sheet. */
const PARTS: readonly [name: string, text: string][] = [
  [
    '[Content_Types].xml',
    `${XML}<Types xmlns="${SCHEMAS}/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${SHEET_TYPE}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${SHEET_TYPE}.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="${SHEET_TYPE}.styles+xml"/></Types>`,
  ],
  ['_rels/.rels', relationships([['rId1', 'officeDocument', 'xl/workbook.xml']])],
  [
    'xl/workbook.xml',
    `${XML}<workbook ${MAIN} xmlns:r="${RELATIONS}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
  ],
  [
    'xl/_rels/workbook.xml.rels',
    relationships([
      ['rId1', 'worksheet', 'worksheets/sheet1.xml'],
      ['rId2', 'styles', 'styles.xml'],
    ]),
  ],
  [
    'xl/styles.xml',
    `${XML}<styleSheet ${MAIN}><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs></styleSheet>`,
  ],
];

/** A workbook with one sheet, whose XML is written as it arrives. @throws CourierError `too-large` */
export async function* workbookOf(sheet: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const parts = PARTS.map(([name, text]) => ({ name, bytes: [Buffer.from(text)] }));
  try {
    yield* zipStream([...parts, { name: 'xl/worksheets/sheet1.xml', bytes: sheet }]);
  } catch (error) {
    if (!(error instanceof ZipLimitError)) throw error;
    throw tooLarge(`The sheet would have more than ${MAX_ZIP_BYTES} bytes.`);
  }
}
