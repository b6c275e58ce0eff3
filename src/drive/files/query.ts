/** Text inside a `q` string (https://developers.google.com/workspace/drive/api/guides/ref-search-terms): `\` and `'` are escaped. */
const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;

/**
 * A private property with the real time of creation, for files whose `createdTime` was chosen by a caller. Which file of a
 * name is the oldest must not depend on what callers choose.
 */
export const ADDED_PROPERTY = 'courierAdded';

export const FOLDER_TYPE = 'application/vnd.google-apps.folder';
export const SHORTCUT_TYPE = 'application/vnd.google-apps.shortcut';

/** A search also matches files in the trash, unless the query excludes them. */
const children = (folderId: string, condition: string): string =>
  `${quoted(folderId)} in parents and ${condition} and trashed = false`;

export const filesNamed = (folderId: string, name: string): string =>
  children(folderId, `name = ${quoted(name)} and mimeType != '${FOLDER_TYPE}'`);

export const foldersNamed = (parentId: string, name: string): string =>
  children(parentId, `name = ${quoted(name)} and mimeType = '${FOLDER_TYPE}'`);

const hasProperty = (key: string, value: string): string =>
  `appProperties has { key=${quoted(key)} and value=${quoted(value)} }`;

export const markedFiles = (key: string, value: string): string => `${hasProperty(key, value)} and trashed = false`;
