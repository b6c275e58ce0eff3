import { describe, expect, test } from '@jest/globals';
import { type Answer, failureOf, startDrive } from '../../support/drive/answering-drive.ts';

const URI = 'https://www.googleapis.com/s?upload_id=secret';
const FILE = {
  ...{ id: 'one', name: 'report.csv', mimeType: 'application/vnd.google-apps.spreadsheet' },
  ...{ createdTime: '2026-11-30T00:00:00.000Z', modifiedTime: '2026-11-30T00:00:00.000Z' },
};
const OPEN: Answer = (response) => response.writeHead(308, { range: 'bytes=0-99' }).end();
const CANCELLED: Answer = (response) => response.writeHead(499).end();

const refusal = (reason: string): Answer => [403, { error: { code: 403, message: reason, errors: [{ reason }] } }];

const end = async (...answers: Answer[]) => {
  const { drive, seen } = await startDrive(answers);
  const ended = drive.endSession(URI, {});
  return {
    ended,
    methods: async () => ended.catch(() => undefined).then(() => seen.map(({ line }) => line.split(' ')[0])),
  };
};

describe('ending the session of another try', () => {
  test.each<[string, Answer[], string[]]>([
    ['cancels one that is open', [OPEN, CANCELLED, CANCELLED], ['PUT', 'DELETE', 'PUT']],
    ['leaves one alone that Drive does not know', [[404]], ['PUT']],
    ['leaves one alone that was cancelled', [CANCELLED], ['PUT']],
    ['leaves one alone that Drive refuses permanently', [refusal('storageQuotaExceeded')], ['PUT']],
  ])('%s', async (_, answers, methods) => {
    const ending = await end(...answers);
    expect(await ending.ended).toBeUndefined();
    expect(await ending.methods()).toEqual(methods);
  });

  test.each<[string, Answer[]]>([
    ['it has created', [[200, FILE]]],
    ['its last request creates before it is cancelled', [OPEN, CANCELLED, [200, FILE]]],
  ])('reports the file that %s', async (_, answers) => {
    expect(await (await end(...answers)).ended).toMatchObject({ id: 'one', name: 'report.csv' });
  });

  test('fails while the session stays open', async () => {
    const { ended } = await end(OPEN, [503], OPEN);
    expect(await failureOf(ended)).toMatchObject({ code: 'drive-unavailable', retryable: true });
  });
});
