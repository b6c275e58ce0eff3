/** Text inside a `q` string (https://developers.google.com/workspace/drive/api/guides/ref-search-terms): `\` and `'` are escaped. */
const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;

export const FOLDER_TYPE = 'application/vnd.google-apps.folder';
export const SHORTCUT_TYPE = 'application/vnd.google-apps.shortcut';

/** A search matches trashed files too, unless told otherwise. */
const children = (folderId: string, condition: string): string =>
  `${quoted(folderId)} in parents and ${condition} and trashed = false`;

export const filesNamed = (folderId: string, name: string): string =>
  children(folderId, `name = ${quoted(name)} and mimeType != '${FOLDER_TYPE}'`);

export const foldersNamed = (parentId: string, name: string): string =>
  children(parentId, `name = ${quoted(name)} and mimeType = '${FOLDER_TYPE}'`);

export const filesWithProperty = (folderId: string, key: string, value: string): string =>
  children(folderId, `appProperties has { key=${quoted(key)} and value=${quoted(value)} }`);
