import { expect, test } from '@jest/globals';
import { fileKey } from '../../../../src/client/send-all/file-key.ts';

// Fixed values: manifests that exist must stay valid, and the Python client derives the same (clients/python/tests/test_many.py).
test.each([
  [
    'night-1',
    {
      destination: 'reports',
      convertTo: undefined,
      target: { folder: '2026/Zürich "11"', name: 'é😀\u2028.csv' },
      sha256: 'ab'.repeat(32),
    },
    'night-1:isptszE_51OHhw8wSKdFa9Rs0FBtMWAbXaa8Amq8fVI',
  ],
  [
    'k'.repeat(255),
    { destination: undefined, convertTo: 'sheet', target: { folder: '', name: 'a.csv' }, sha256: '00'.repeat(32) },
    `${'k'.repeat(200)}:6pv5O5S4Nhj9WMzP_s96Ui9sCYF3Ha3bUh1MjJH5-vk`,
  ],
])("a file's key is the same in every version and every client (%#)", (runKey, file, expected) => {
  expect(fileKey(runKey, file)).toBe(expected);
});
