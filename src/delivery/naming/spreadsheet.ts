import type { CallContext, Drive, FolderDescription } from '../../drive/drive.ts';
import { asCourierError, CourierError } from '../../errors.ts';
import { DOCS_TYPES } from '../checks/check-conversion.ts';

const notFound = (id: string, error: CourierError): CourierError =>
  new CourierError('folder-not-found', {
    detail: `The spreadsheet ${id} does not exist, or is not shared with the account.`,
    remedy: 'Share the spreadsheet with {account} as Editor, or correct "spreadsheet" of the destination.',
    facts: error.facts,
    reason: error.reason,
    cause: error,
  });

/**
 * Describes a destination's spreadsheet as it is now.
 * @throws CourierError `folder-not-found`, `folder-invalid` if it is in the trash or no spreadsheet, and what else Drive refuses
 */
export const inspectSpreadsheet = async (
  drive: Pick<Drive, 'inspectFolder'>,
  id: string,
  context: CallContext,
): Promise<FolderDescription> => {
  const found = await drive.inspectFolder(id, context).catch((thrown: unknown) => {
    const error = asCourierError(thrown);
    throw error.code === 'folder-not-found' ? notFound(id, error) : error;
  });
  const { name, mimeType, trashed } = found;
  if (trashed) {
    throw new CourierError('folder-invalid', {
      detail: `The spreadsheet "${name}" (${id}) is in the trash.`,
      remedy: 'Restore the spreadsheet from the trash, or set the destination to another one.',
    });
  }
  if (mimeType !== DOCS_TYPES.sheet) {
    throw new CourierError('folder-invalid', {
      detail: `"${name}" (${id}) is not a spreadsheet of Google Sheets.`,
      remedy:
        'Set "spreadsheet" of the destination to a file of Google Sheets. Convert an Excel file with File > Save as Google Sheets.',
    });
  }
  return found;
};
