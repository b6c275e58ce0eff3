import { expect, test } from '@jest/globals';
import type { Plan } from '../../../../src/delivery/plan.ts';
import { storeFile } from '../../../../src/delivery/store/store-file.ts';
import { createDrive } from '../../../../src/drive/create-drive.ts';
import { createBufferBudget } from '../../../../src/drive/upload/buffer-budget.ts';
import { createTransport } from '../../../../src/google/create-transport.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

/** How old the last look at a file, or for its name, is when the request leaves that writes to it. */

const SHA256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const FILE = driveFile({ sha256Checksum: SHA256 });
const THEIRS = driveFile({ id: 'theirs' });
const FOLDER = {
  ...{ id: 'folder', name: 'Reports', mimeType: 'application/vnd.google-apps.folder', ownedByMe: true, trashed: false },
  capabilities: { canAddChildren: true, canEdit: true, canShare: true },
};
const REPLACE: Plan = { kind: 'replace', fileId: 'f1', folderId: 'folder', formerRevisionId: 'r2' };
const CREATE: Plan = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'fail', nameKey: 'name:1' };

interface Setting {
  plan: Plan;
  /** Milliseconds until the account's pace lets a write through. */
  paceMs?: number;
  /** Milliseconds for a new token, which replaces the one that is about to expire. */
  tokenMs?: number;
  /** Milliseconds after which a person renames the file of the plan, or puts another one of its name into the folder. */
  personMs?: number;
}

const deliver = async ({ plan, paceMs = 0, tokenMs = 0, personMs = Number.POSITIVE_INFINITY }: Setting) => {
  let nowMs = STEP_NOW_MS;
  const now = (): number => nowMs;
  const wait = async (ms: number): Promise<void> => {
    nowMs += ms;
  };
  const log = createKeptLog();
  const requests: string[] = [];
  let lookedAtMs = STEP_NOW_MS;
  let age: number | undefined;
  let isRenewed = false;
  const json = (body: object) => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(body)) });
  const transport = createTransport({
    now,
    sleep: wait,
    log,
    http: {
      async send({ method, url }) {
        requests.push(method);
        const hasCome = now() >= STEP_NOW_MS + personMs;
        if (method === 'GET') lookedAtMs = now();
        else age = now() - lookedAtMs;
        const { pathname } = new URL(url);
        if (pathname === '/drive/v3/files') return json({ files: hasCome ? [THEIRS] : [] });
        if (pathname === '/drive/v3/files/theirs') return json(THEIRS);
        if (pathname === '/drive/v3/files/folder') return json(FOLDER);
        return json(hasCome && method === 'GET' ? { ...FILE, name: 'renamed.csv' } : FILE);
      },
      open: () => Promise.reject(new Error('nothing is streamed')),
      close: () => undefined,
    },
  });
  const drive = createDrive({
    transport,
    auth: {
      async token() {
        await wait(isRenewed ? 0 : tokenMs);
        isRenewed = true;
        return 'token';
      },
      rejected: () => undefined,
      account: () => 'a@example.com',
      rotated: () => undefined,
    },
    budget: createBufferBudget({ bytes: 1e7, maxWaiters: 1 }),
    pace: { spend: (units) => (units === 50 ? wait(paceMs) : wait(0)), slowDown: () => undefined },
    now,
    log,
  });
  const source = {
    async *open() {
      yield Buffer.from('abc');
    },
  };
  const { step, endings } = createFakeStep({ plan, driveAnswers: drive, source });
  const endless = (): Promise<void> => new Promise(() => undefined);
  const sleep = (ms: number): Promise<void> => (ms <= 3_000 ? wait(ms) : endless());
  const outcome = await storeFile({ ...step, now, sleep, ledger: createMemoryLedger({ now }) }, undefined).then(
    (stored) => stored.outcome,
    ({ code }: { code?: string }) => code,
  );
  for (const end of endings) await end();
  return { outcome, requests, age };
};

const WAITS: [string, object][] = [
  ['the pace of the account', { paceMs: 20_000 }],
  ['a new token', { tokenMs: 20_000 }],
];

test.each([
  ['a replacement', REPLACE, 'replaced', ['PATCH']],
  ['a new file', CREATE, 'created', ['POST']],
])('%s that waits for nothing makes no call but its own', async (_, plan, outcome, requests) => {
  expect(await deliver({ plan })).toEqual({ outcome, requests, age: 0 });
});

test.each(WAITS)('a file is looked at after a wait for %s, and then replaced at once', async (_, wait) => {
  expect(await deliver({ plan: REPLACE, ...wait })).toEqual({
    outcome: 'replaced',
    requests: ['GET', 'PATCH'],
    age: 0,
  });
});

test.each(WAITS)('a file that is renamed during a wait for %s is not replaced', async (_, wait) => {
  const { outcome, requests } = await deliver({ plan: REPLACE, personMs: 10_000, ...wait });
  expect([outcome, requests]).toEqual(['drive-unavailable', ['GET']]);
});

test.each(WAITS)(
  'a name is searched for after a wait for %s, and then the file is created at once',
  async (_, wait) => {
    expect(await deliver({ plan: CREATE, ...wait })).toMatchObject({ outcome: 'created', age: 0 });
  },
);

test.each(WAITS)('a file is not created beside one of its name that appears during a wait for %s', async (_, wait) => {
  const { outcome, requests } = await deliver({ plan: CREATE, personMs: 10_000, ...wait });
  expect([outcome, requests.includes('POST')]).toEqual(['drive-unavailable', false]);
});

test('no request leaves later than a second after the look at its file, or three after the search for its name', async () => {
  for (const ms of [0, 500, 999, 1_000, 1_001, 2_999, 3_000, 3_001, 60_000]) {
    const [replaced, created] = await Promise.all([
      deliver({ plan: REPLACE, paceMs: ms }),
      deliver({ plan: CREATE, paceMs: ms }),
    ]);
    expect(replaced.age).toBeLessThanOrEqual(1_000);
    expect(created.age).toBeLessThanOrEqual(3_000);
  }
});
