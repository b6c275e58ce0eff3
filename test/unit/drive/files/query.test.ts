import { expect, test } from '@jest/globals';
import { filesNamed, foldersNamed, markedFiles } from '../../../../src/drive/files/query.ts';

test.each([
  ["it's", "'it\\'s'"],
  ['back\\slash', "'back\\\\slash'"],
  ["\\' or 1=1", "'\\\\\\' or 1=1'"],
  ['zwölf 🗂', "'zwölf 🗂'"],
])('a name like %s cannot escape its quotes', (name, quoted) => {
  expect(filesNamed('folder', name)).toBe(
    `'folder' in parents and name = ${quoted} and mimeType != 'application/vnd.google-apps.folder' and trashed = false`,
  );
});

test('folders are searched in one folder and properties in all, without the trash', () => {
  expect(foldersNamed('parent', '11')).toBe(
    "'parent' in parents and name = '11' and mimeType = 'application/vnd.google-apps.folder' and trashed = false",
  );
  expect(markedFiles('courierKey', "v'")).toBe(
    "appProperties has { key='courierKey' and value='v\\'' } and trashed = false",
  );
});
