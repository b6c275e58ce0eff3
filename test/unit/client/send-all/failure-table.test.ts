import { expect, test } from '@jest/globals';
import { failureTable } from '../../../../src/client/commands/output/send-summary.ts';
import { failure } from '../../../../src/client/errors.ts';

test.each([
  ['the path alone', 'x/a.csv', 'The file changed while it was being sent'],
  ['the path and a reason', 'x/a.csv: Permission denied', 'Permission denied'],
  ['a reason', 'Permission denied', 'Permission denied'],
  ['nothing', undefined, 'The file changed while it was being sent'],
])('the table of failures has a reason for each file if the detail is %s', (_, detail, reason) => {
  const [row] = failureTable([{ file: 'x/a.csv', error: failure('file-changed', { detail }) }], String).split('\n');
  expect(row).toBe(`file-changed  x/a.csv  ${reason}`);
});
