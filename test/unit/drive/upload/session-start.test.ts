import { expect, test } from '@jest/globals';
import type { DriveClient, DriveRequest } from '../../../../src/drive/client.ts';
import { startSession } from '../../../../src/drive/upload/session.ts';
import { CourierError } from '../../../../src/errors.ts';

const ANSWER = { status: 403, headers: {}, body: Buffer.alloc(0) };

test.each([
  ['is believed at once where another account can take the file', true, true],
  ['may be a short one, and is retried', false, undefined],
  ['may be a short one, and is retried', undefined, undefined],
])('an upload limit %s', async (_, believesLimit, isFinal) => {
  const asked: DriveRequest[] = [];
  const client = {
    async call(request: DriveRequest) {
      asked.push(request);
      return ANSWER;
    },
    error: () => new CourierError('upload-limit-reached'),
  } as unknown as DriveClient;
  const target = { kind: 'replace', id: 'f1', mimeType: 'text/csv' } as const;
  await startSession(client, target, 3, believesLimit === undefined ? {} : { believesLimit });
  expect(asked[0]?.isFinal?.(ANSWER)).toBe(isFinal);
});
