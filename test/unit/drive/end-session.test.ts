import { describe, expect, test } from '@jest/globals';
import { type Answer, failureOf, startDrive } from '../../support/drive/answering-drive.ts';

/** How often a query is sent. */
const MAX_ATTEMPTS = 7;
const URI = 'https://www.googleapis.com/s?upload_id=secret';
const FILE = {
  ...{ id: 'one', name: 'report.csv', mimeType: 'application/vnd.google-apps.spreadsheet' },
  ...{ createdTime: '2026-11-30T00:00:00.000Z', modifiedTime: '2026-11-30T00:00:00.000Z' },
};
const OPEN: Answer = (response) => response.writeHead(308, { range: 'bytes=0-99' }).end();
const CANCELLED: Answer = (response) => response.writeHead(499).end();

const refusal = (reason: string): Answer => [403, { error: { code: 403, message: reason, errors: [{ reason }] } }];

/** Drive's answer while the account has uploaded too much, which it gives again to each retry of a query. */
const LIMIT: Answer = [
  403,
  { error: { code: 403, message: 'User rate limit exceeded.', errors: [{ reason: 'userRateLimitExceeded' }] } },
];
const LIMITED: Answer[] = Array.from({ length: MAX_ATTEMPTS }, () => LIMIT);

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

  test('cancels one about which Drive tells nothing because of the upload limit of its account', async () => {
    const ending = await end(...LIMITED, CANCELLED, CANCELLED);
    expect(await ending.ended).toBeUndefined();
    expect((await ending.methods()).slice(MAX_ATTEMPTS)).toEqual(['DELETE', 'PUT']);
  });

  test('reports the file of a session whose state Drive does not tell at first', async () => {
    const ending = await end(...LIMITED, CANCELLED, [200, FILE]);
    expect(await ending.ended).toMatchObject({ id: 'one' });
  });

  test('fails with a transient error while Drive does not tell the state of the session', async () => {
    const { ended } = await end(...LIMITED, LIMIT, ...LIMITED);
    // The limit may be that of another account, so it must not count as one of the account that asks.
    expect(await failureOf(ended)).toMatchObject({ code: 'drive-unavailable', retryable: true });
  });

  test('fails while the session stays open', async () => {
    const { ended } = await end(OPEN, [503], OPEN);
    expect(await failureOf(ended)).toMatchObject({ code: 'drive-unavailable', retryable: true });
  });
});
