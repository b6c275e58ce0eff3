import { afterEach, expect, test } from '@jest/globals';
import { createDrive } from '../../../../src/drive/create-drive.ts';
import type { UploadTarget } from '../../../../src/drive/drive.ts';
import { createBufferBudget } from '../../../../src/drive/upload/buffer-budget.ts';
import { CourierError } from '../../../../src/errors.ts';
import { createTransport } from '../../../../src/google/create-transport.ts';
import { sourceOf } from '../../../support/courier/courier-drive.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { uploadTo } from '../../../support/drive/upload-to.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

/** What happens between the last look at a file and the request that commits to it: nothing that takes time. */

const BYTES = Buffer.from('abc');
const FILE = driveFile({ sha256Checksum: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' });
const STORED = { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ ...FILE, size: '3' })) };
const REFUSED = { status: 503, headers: {}, body: Buffer.from('{}') };
const NO_TOKEN = { status: 401, headers: {}, body: Buffer.from('{}') };
const OPENED = { status: 200, headers: { location: 'https://www.googleapis.com/session' }, body: Buffer.from('') };
const NOTHING_STORED = { status: 308, headers: {}, body: Buffer.from('') };
const TO_CREATE: UploadTarget = {
  kind: 'create',
  file: { id: 'f1', name: 'report.csv', mimeType: 'text/csv', folderId: 'folder' },
};
const TO_REPLACE: UploadTarget = { kind: 'replace', id: 'f1', mimeType: 'text/csv' };

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Setting {
  target: UploadTarget;
  answers: { status: number; headers: Record<string, string>; body: Buffer }[];
  multipartBytes?: number;
  /** Also record the waits of calls that use no quota. The account's pace may have been slowed down for all calls. */
  showsFreeCalls?: boolean;
  look?: () => Promise<{ file: typeof FILE } | undefined>;
}

/** Uploads three bytes, and records each wait, each look and each request that can commit them. */
const upload = async ({
  target,
  answers,
  multipartBytes = 1_000,
  showsFreeCalls = false,
  look = async () => undefined,
}: Setting) => {
  const events: string[] = [];
  const callStats = { calls: 0, retries: 0, units: 0 };
  const log = createKeptLog();
  const transport = createTransport({
    http: {
      async send({ body, headers }) {
        events.push(`sent ${headers.authorization ?? 'without a token'}${body.length > 1 ? ' in parts' : ''}`);
        return answers.shift() ?? STORED;
      },
      open: () => Promise.reject(new Error('nothing is streamed')),
      close: () => undefined,
    },
    sleep: async () => void events.push('back-off'),
    log,
  });
  closers.push(transport.close);
  let tokens = 1;
  const drive = createDrive({
    transport,
    auth: {
      async token() {
        events.push('token');
        return `t${tokens}`;
      },
      rejected() {
        tokens += 1;
      },
      account: () => 'a@example.com',
      rotated: () => undefined,
    },
    budget: createBufferBudget({ bytes: 1e7, maxWaiters: 1 }),
    pace: {
      spend: async (units) => void ((units > 0 || showsFreeCalls) && events.push(`pace ${units}`)),
      slowDown: () => undefined,
    },
    now: Date.now,
    log,
    multipartBytes,
  });
  const beforeCommit = async () => {
    events.push('look');
    return look();
  };
  const source = sourceOf(BYTES);
  const outcome = await uploadTo(drive, { target, source, maxBytes: 1_000, callStats, beforeCommit }).then(
    ({ kind }) => kind,
    (error: unknown) => error,
  );
  return { outcome, events, callStats };
};

test.each([
  ['a new file', TO_CREATE],
  ['a replacement', TO_REPLACE],
])('all waits for %s in one request come before the look, in each attempt', async (_, target) => {
  expect(await upload({ target, answers: [REFUSED, STORED] })).toEqual({
    outcome: 'stored',
    events: [
      ...['token', 'pace 50', 'look', 'sent Bearer t1 in parts'],
      ...['back-off', 'token', 'pace 50', 'look', 'sent Bearer t1 in parts'],
    ],
    callStats: { calls: 2, retries: 1, units: 100 },
  });
});

test('the file is looked at again where the request waits for another token', async () => {
  const { outcome, events } = await upload({ target: TO_REPLACE, answers: [NO_TOKEN, STORED] });
  expect([outcome, events]).toEqual([
    'stored',
    [
      ...['token', 'pace 50', 'look', 'sent Bearer t1 in parts'],
      ...['token', 'pace 50', 'look', 'sent Bearer t2 in parts'],
    ],
  ]);
});

test('nothing comes between the look and the last chunk of a session', async () => {
  const { outcome, events } = await upload({ target: TO_REPLACE, answers: [OPENED, STORED], multipartBytes: 1 });
  expect(outcome).toBe('stored');
  expect(events.slice(-2)).toEqual(['look', 'sent without a token']);
});

test('the last chunk of a session waits for the pace of the account before the look, in each attempt', async () => {
  const { outcome, events } = await upload({
    ...{ target: TO_CREATE, answers: [OPENED, REFUSED, NOTHING_STORED, STORED], multipartBytes: 1 },
    showsFreeCalls: true,
  });
  expect(outcome).toBe('stored');
  expect(events.slice(-9)).toEqual([
    ...['pace 0', 'look', 'sent without a token', 'back-off', 'pace 0', 'sent without a token'],
    ...['pace 0', 'look', 'sent without a token'],
  ]);
});

test('nothing is sent, and no units are counted, where the look finds the file of another attempt', async () => {
  const { outcome, events, callStats } = await upload({
    target: TO_REPLACE,
    answers: [],
    look: async () => ({ file: FILE }),
  });
  expect([outcome, events.at(-1), callStats.calls, callStats.units]).toEqual(['superseded', 'look', 0, 0]);
});

test.each(['drive-unavailable', 'google-unavailable', 'idempotency-key-reused'] as const)(
  'the error of a look is the error of the upload, and the look is not repeated: %s',
  async (code) => {
    const error = new CourierError(code);
    const { outcome, events } = await upload({ target: TO_REPLACE, answers: [], look: () => Promise.reject(error) });
    expect(outcome).toBe(error);
    expect(events.filter((event) => event === 'look')).toHaveLength(1);
  },
);
