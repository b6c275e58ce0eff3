import { visibleFile } from '../access/access.ts';
import { capabilitiesOf } from '../access/capabilities.ts';
import { type Answer, type Method, pathParameter } from '../call/call.ts';
import { badRequest, forbidden, notImplemented } from '../errors.ts';
import { EXPORT_FORMATS } from '../files/conversions.ts';
import { exportedSpreadsheet, SPREADSHEET } from '../files/spreadsheets.ts';

/** "The exported content is limited to 10 MB" (reference, files.export). */
const MAX_EXPORT_BYTES = 10 * 1024 * 1024;

/** The method has no parameter supportsAllDrives and works in shared drives without it. */
export const filesExport: Method = async (state, call): Promise<Answer> => {
  const { actor, google, parameters, method } = call;
  const { file, role } = visibleFile(state, actor, pathParameter(call, 'fileId'), true);
  const formats = EXPORT_FORMATS[file.mimeType];
  if (formats === undefined) throw forbidden('fileNotExportable', 'Export only supports Docs Editors files.', 'fileId');
  if (capabilitiesOf(file, role).canDownload !== true)
    throw forbidden('cannotExportFile', 'This file cannot be exported by the user.', 'fileId');
  const mimeType = parameters.text('mimeType') ?? '';
  if (!formats.includes(mimeType))
    throw badRequest('The requested conversion is not supported.', 'badRequest', 'convertTo');
  if (file.mimeType !== SPREADSHEET) throw notImplemented(method.id, `exports of ${file.mimeType}`);
  const bytes = await exportedSpreadsheet(state.store.workbooks.get(file.id), mimeType);
  if (bytes.length > MAX_EXPORT_BYTES)
    throw forbidden('exportSizeLimitExceeded', 'This file is too large to be exported.');
  google.response.writeHead(200, {
    'content-type': mimeType,
    'content-length': bytes.length,
    'content-disposition': 'attachment',
  });
  google.response.end(bytes);
  return 'answered';
};
