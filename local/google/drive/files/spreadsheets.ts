import { readFileSync } from 'node:fs';
import { textOfTab, workbookFromText } from '../../sheets/workbook/csv.ts';
import { cellCount, type Workbook } from '../../sheets/workbook/model.ts';
import { workbookFromXlsx, xlsxOf } from '../../sheets/workbook/xlsx.ts';
import { badRequest, DriveError, notImplemented } from '../errors.ts';
import type { ReceivedBytes, StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';

export const SPREADSHEET = 'application/vnd.google-apps.spreadsheet';

const DELIMITERS: Readonly<Record<string, ',' | '\t'>> = { 'text/csv': ',', 'text/tab-separated-values': '\t' };

const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

const plainType = (mimeType: string): string => mimeType.split(';')[0]?.trim().toLowerCase() ?? '';

/** support.google.com/drive/answer/37603: "Up to 10 million cells … for spreadsheets that are created in or converted to Google Sheets". */
const MAX_CELLS = 10_000_000;

/**
 * The content of the spreadsheet that these bytes are converted to. "The full contents of the document are replaced"
 * (guides/manage-uploads): all tabs and their developer metadata. Text has UTF-8.
 * @param name of the file, which becomes the title of its tab
 * @returns undefined for formats whose cells are not read here; such a spreadsheet is empty
 * @throws DriveError 413 for too many cells, 400 for bytes that are no Excel file
 */
async function convertedWorkbook({ path, mimeType }: ReceivedBytes, name: string): Promise<Workbook | undefined> {
  const delimiter = DELIMITERS[plainType(mimeType)];
  if (delimiter === undefined && plainType(mimeType) !== XLSX) return undefined;
  const workbook =
    delimiter === undefined
      ? await workbookFromXlsx(readFileSync(path)).catch(() => {
          throw badRequest('Bad Request. The file could not be converted.', 'invalidContent');
        })
      : workbookFromText(readFileSync(path, 'utf8'), delimiter, name.slice(0, 100) || 'Sheet1');
  if (cellCount(workbook) > MAX_CELLS)
    throw new DriveError(413, 'The file is too large to be converted to the requested output type.', {
      reason: 'uploadTooLarge',
    });
  return workbook;
}

/**
 * Fills a spreadsheet with the cells of the bytes that are converted to it.
 * @param save stores the file
 */
export async function withCells(
  { store }: DriveState,
  { mimeType, name }: { mimeType: unknown; name: unknown },
  received: ReceivedBytes | undefined,
  save: () => StoredFile,
): Promise<StoredFile> {
  // Before anything is stored: the bytes may not be convertible.
  const workbook =
    mimeType === SPREADSHEET && received !== undefined
      ? await convertedWorkbook(received, typeof name === 'string' ? name : 'Untitled')
      : undefined;
  const file = save();
  if (workbook !== undefined) store.workbooks.save(file.id, workbook);
  return file;
}

/**
 * All tabs as an Excel file, or the first one as delimited text: "CSV (first-sheet only)" (guides/ref-export-formats).
 * @throws DriveError 501 for formats that are not written here
 */
export async function exportedSpreadsheet(workbook: Workbook, mimeType: string): Promise<Buffer> {
  if (mimeType === XLSX) return xlsxOf(workbook);
  const delimiter = DELIMITERS[mimeType];
  const [first] = workbook.tabs;
  if (delimiter === undefined || first === undefined)
    throw notImplemented('drive.files.export', `exports to ${mimeType}`);
  return Buffer.from(textOfTab(first, delimiter));
}
