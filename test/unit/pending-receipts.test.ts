import { expect, test } from '@jest/globals';
import { createLog } from '../../src/log.ts';
import { createPendingReceipts } from '../../src/pending-receipts.ts';

test('receipts that Pub/Sub does not answer are limited, and the others are logged', async () => {
  const lines: string[] = [];
  const answers: (() => void)[] = [];
  const receipts = createPendingReceipts(
    () => new Promise((resolve) => answers.push(resolve)),
    createLog('info', { write: (line) => void lines.push(line) }),
  );
  for (let index = 0; index < 5_000; index += 1) receipts.add({ fileId: `file-${index}` });
  expect([answers.length, receipts.all().length, lines.length]).toEqual([2_000, 2_000, 3_000]);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ severity: 'ERROR', fileId: 'file-2000' });
  const waiting = receipts.all();
  for (const answer of answers) answer();
  await Promise.all(waiting);
  receipts.add({ fileId: 'later' });
  expect([answers.length, receipts.all().length]).toEqual([2_001, 1]);
});
