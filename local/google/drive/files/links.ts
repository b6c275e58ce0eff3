import { FOLDER, type StoredFile } from '../model.ts';

const EDITORS: Readonly<Record<string, string>> = {
  'application/vnd.google-apps.document': 'document',
  'application/vnd.google-apps.spreadsheet': 'spreadsheets',
  'application/vnd.google-apps.presentation': 'presentation',
};

/** The path at which Drive shows the item: `/drive/folders/ID`, `/file/d/ID/view`, `/spreadsheets/d/ID/edit`. */
export function viewPath({ id, mimeType }: StoredFile): string {
  if (mimeType === FOLDER) return `/drive/folders/${encodeURIComponent(id)}`;
  const editor = EDITORS[mimeType];
  return editor === undefined
    ? `/file/d/${encodeURIComponent(id)}/view`
    : `/${editor}/d/${encodeURIComponent(id)}/edit`;
}

/** The path at which Drive serves the bytes to a browser. */
export const downloadPath = ({ id }: StoredFile): string => `/uc?id=${encodeURIComponent(id)}&export=download`;

/**
 * The links of a `File` resource. Real ones name drive.google.com or docs.google.com. These name this server and keep the
 * path, so that a link opens the local file in the viewer and not an error page of the real Drive.
 */
export const webViewLink = (origin: string, file: StoredFile): string =>
  `${origin}${viewPath(file)}${file.mimeType === FOLDER ? '' : '?usp=drivesdk'}`;

export const webContentLink = (origin: string, file: StoredFile): string => `${origin}${downloadPath(file)}`;
