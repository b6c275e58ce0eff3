import { expect, test } from '@jest/globals';
import type { RowsPlan } from '../../../../../src/delivery/store/rows/plan-rows.ts';
import { writeRows } from '../../../../../src/delivery/store/rows/write-rows.ts';
import type { CallContext } from '../../../../../src/drive/drive.ts';
import { CourierError } from '../../../../../src/errors.ts';
import { createFakeStep } from '../../../../support/drive/fake-upload-step.ts';

/** The caller leaves after the request that makes a sheet for its rows was sent. */

const TO_MAKE: RowsPlan = { kind: 'appendRows', fileId: '', folderId: 'folder' };

test.each([
  ['stays if Drive may still make the sheet', undefined, true],
  ['ends if Drive has refused to make it', 403, false],
])('the lease of a name %s', async (_, status, isLeased) => {
  const driveAnswers = {
    async createDocument(_file: object, { onSend }: CallContext) {
      onSend?.()?.(status);
      throw new CourierError('body-truncated');
    },
  };
  const { step } = createFakeStep({ plan: TO_MAKE, driveAnswers });
  // Leases are not renewed.
  const sleep = () => new Promise<void>(() => undefined);
  await expect(writeRows({ ...step, sleep }, TO_MAKE)).rejects.toMatchObject({ code: 'body-truncated' });
  expect((await step.ledger.read('convert:["folder","report.csv"]')) !== undefined).toBe(isLeased);
});
