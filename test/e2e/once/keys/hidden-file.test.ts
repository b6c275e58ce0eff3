import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { EMAILS } from '../../../../local/google/world/names.ts';
import type { ConflictRule, Receipt, Source } from '../../../../src/domain.ts';
import type { CourierError } from '../../../../src/errors.ts';
import { type Attempt, createHttp, type Http } from '../../../../src/google/http.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import type { Sleep } from '../../../../src/sleep.ts';
import { type CourierStory, createCourierStory } from '../../../support/courier/courier-story.ts';

/**
 * Drive has created a file, its answer is lost, and then Drive hides the file: it refuses the id with 409, and does not show
 * the file in `files.get` and in searches. The time is simulated.
 */

const TIMEOUT_MS = 120_000;
const CALLER = { sub: '100000000000000000001', email: EMAILS.exporter };
const SMALL = Buffer.from('small');
const LARGE = Buffer.alloc(6 * 1_048_576, 'large ');

let google: LocalGoogle;
let story: CourierStory;
let nowMs = Date.now();
const now = (): number => nowMs;
/** How long new files are hidden, in milliseconds. */
let hiddenMs = 0;
let isAnswerLost = false;
/** No upload request reaches Drive until the next try, as if the process had ended with the lost answer. */
let isCutOff = false;
let mayBeCutOff = false;
let isFolderAnswerLost = false;
const hiddenUntil = new Map<string, number>();

const isHidden = (id: string): boolean => now() < (hiddenUntil.get(id) ?? 0);

const pause: Sleep = async (ms, signal) => {
  signal?.throwIfAborted();
  nowMs += ms;
};

const sleep: Sleep = async (ms, signal) => {
  if (ms < 9_000) return pause(ms, signal);
  // Leases are not renewed.
  await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));
};

const NOT_FOUND = { error: { code: 404, message: 'File not found', errors: [{ reason: 'notFound' }] } };

const reset = (): Error => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

const hidingHttp = (http: Http): Http => ({
  ...http,
  async send(attempt: Attempt) {
    const { method, url } = attempt;
    if (isCutOff && url.includes('/upload/')) throw reset();
    const before = new Set(google.drive.files().map(({ id }) => id));
    const sent = await http.send(attempt);
    const answer = { ...sent, headers: { ...sent.headers, date: new Date(now()).toUTCString() } };
    for (const { id } of google.drive.files()) if (!before.has(id)) hiddenUntil.set(id, now() + hiddenMs);
    const id = /\/drive\/v3\/files\/([^/?]+)\?/.exec(url)?.[1] ?? '';
    if (method === 'GET' && isHidden(id))
      return { ...answer, status: 404, body: Buffer.from(JSON.stringify(NOT_FOUND)) };
    if (method === 'GET' && url.includes('/drive/v3/files?') && answer.status === 200) {
      const { files = [], ...rest } = JSON.parse(answer.body.toString()) as { files?: { id: string }[] };
      const shown = files.filter((file) => !isHidden(file.id));
      return { ...answer, body: Buffer.from(JSON.stringify({ ...rest, files: shown })) };
    }
    if (isFolderAnswerLost && method === 'POST' && url.includes('fields=id') && !url.includes('/upload/')) {
      isFolderAnswerLost = false;
      throw reset();
    }
    const isNew = google.drive.files().some((file) => !before.has(file.id));
    if (isNew && isAnswerLost && url.includes('/upload/')) {
      isAnswerLost = false;
      isCutOff = mayBeCutOff;
      throw reset();
    }
    return answer;
  },
});

beforeAll(async () => {
  google = await startLocalGoogle();
  const reports = { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [EMAILS.exporter] };
  const network = { http: hidingHttp(createHttp()), sleep: pause };
  story = createCourierStory(google, {
    ...{ ledger: createMemoryLedger({ now }), destinations: { reports }, now, sleep, network },
  });
}, TIMEOUT_MS);
afterAll(async () => {
  story?.close();
  await google?.close();
});

const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);

const sourceOf = (bytes: Buffer, isPushed: boolean): Source => {
  const read = async function* (offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < bytes.length; at += 262_144) yield bytes.subarray(at, at + 262_144);
  };
  const plain = { size: bytes.length, mimeType: 'text/plain', open: () => read(0) };
  return isPushed ? { ...plain, identity: `gs://exports/${bytes.length}#1`, openAt: read } : plain;
};

interface Sending {
  name: string;
  bytes?: Buffer;
  isPushed?: boolean;
  onConflict?: ConflictRule;
  key?: string | undefined;
}

const deliver = ({ name, bytes = SMALL, isPushed = false, onConflict = 'new', key = name }: Sending) =>
  story.deliver({
    caller: CALLER,
    options: { destination: 'reports', name, onConflict },
    source: sourceOf(bytes, isPushed),
    idempotencyKey: key,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    deadlineMs: now() + 60_000,
    requestId: name,
  });

/** Tries again as a client does, until the outcome is final. @returns the receipt, and the errors before it */
const insist = async (work: () => Promise<Receipt>): Promise<{ receipt: Receipt; errors: CourierError[] }> => {
  const errors: CourierError[] = [];
  for (let turn = 0; turn < 50; turn++) {
    isCutOff = false;
    try {
      return { receipt: await work(), errors };
    } catch (thrown) {
      const error = thrown as CourierError;
      if (error.retryable !== true) throw error;
      errors.push(error);
      nowMs += (error.retryAfterSeconds ?? 1) * 1_000;
    }
  }
  throw new Error('no final answer in fifty tries');
};

const hide = (milliseconds: number, { isCut = false }: { isCut?: boolean } = {}): void => {
  hiddenMs = milliseconds;
  isAnswerLost = true;
  mayBeCutOff = isCut;
};

const WAYS: [string, Omit<Sending, 'name'>][] = [
  ['in one request', {}],
  ['in one request, with a name of its own', { onConflict: 'replace' }],
  ['in one request, to be skipped if it exists', { onConflict: 'skip' }],
  ['in one request, to fail if it exists', { onConflict: 'fail' }],
  ['in a session', { bytes: LARGE }],
  ['in a session that later tries resume', { bytes: LARGE, isPushed: true }],
  ['by push, with a name of its own', { isPushed: true, onConflict: 'replace' }],
];

describe.each([
  [10_000, false],
  [60_000, false],
  [100_000, false],
  [10_000, true],
  [60_000, true],
])('a new file that Drive hides for %d ms (the try ends with the lost answer: %j)', (milliseconds, isCut) => {
  test.each(WAYS)(
    'is not sent twice, and a later try gets its receipt: %s',
    async (way, sending) => {
      const name = `${milliseconds} ${isCut} ${way}`;
      hide(milliseconds, { isCut });
      const startMs = now();
      const { receipt, errors } = await insist(() => deliver({ name, ...sending }));
      const sha256 = hash('sha256', sending.bytes ?? SMALL);
      nowMs += 200_000;
      expect(filesNamed(name)).toMatchObject([{ id: receipt.id, sha256, revisions: 1 }]);
      expect(receipt.sha256).toBe(sha256);
      expect(errors.map(({ code }) => code)).toEqual(errors.map(() => 'drive-unavailable'));
      expect(errors.map(({ remedy }) => remedy)).not.toContain('');
      expect(nowMs - 200_000 - startMs).toBeLessThan(milliseconds + 40_000);
      expect(await deliver({ name, ...sending })).toEqual({ ...receipt, outcome: 'replayed' });
    },
    TIMEOUT_MS,
  );

  test('is not sent twice without a key either, if its name is its own', async () => {
    const name = `${milliseconds} ${isCut} unkeyed`;
    hide(milliseconds, { isCut });
    const sending = { name, onConflict: 'replace', key: undefined } as const;
    const { receipt } = await insist(() => deliver(sending));
    expect(filesNamed(name)).toMatchObject([{ id: receipt.id }]);
  });
});

describe.each([10_000, 60_000])('what Drive hides for %d ms', (milliseconds) => {
  test('is one document, where the file is converted', async () => {
    const name = `${milliseconds} converted`;
    hide(milliseconds, { isCut: true });
    const { receipt } = await insist(() =>
      story.deliver({
        caller: CALLER,
        options: { destination: 'reports', name, onConflict: 'replace', convertTo: 'sheet' },
        source: { ...sourceOf(SMALL, false), mimeType: 'application/vnd.oasis.opendocument.spreadsheet' },
        idempotencyKey: name,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        deadlineMs: now() + 15_000,
        requestId: name,
      }),
    );
    expect(filesNamed(name)).toMatchObject([{ id: receipt.id }]);
  });

  test.each<ConflictRule>(['new', 'replace'])(
    'is the file of an upload session, which is complete later (onConflict %s)',
    async (onConflict) => {
      const name = `${milliseconds} by session, ${onConflict}`;
      hiddenMs = milliseconds;
      isAnswerLost = false;
      const asked = { caller: CALLER, idempotencyKey: name, signal: AbortSignal.timeout(TIMEOUT_MS) };
      const options = { destination: 'reports', name, onConflict, mimeType: 'text/plain', size: SMALL.length };
      const opened = await story.openUpload({ ...asked, options, deadlineMs: now() + 60_000 });
      const sent = await fetch(opened.uploadUrl, { method: 'PUT', body: SMALL });
      expect(sent.status).toBe(200);
      hiddenUntil.set(filesNamed(name)[0]?.id ?? '', now() + milliseconds);
      const { id } = opened;
      const complete = () =>
        story.completeUpload({ ...asked, id, sha256: hash('sha256', SMALL), deadlineMs: now() + 60_000 });
      const { receipt, errors } = await insist(complete);
      expect(errors.map(({ code }) => code)).toEqual(errors.map(() => 'drive-unavailable'));
      expect(errors.length).toBeGreaterThan(0);
      expect(filesNamed(name)).toMatchObject([{ id: receipt.id, sha256: hash('sha256', SMALL), revisions: 1 }]);
      expect(await complete()).toEqual({ ...receipt, outcome: 'replayed' });
    },
  );
});

describe('a new folder that Drive hides for ten seconds', () => {
  test('is made once', async () => {
    const path = 'hidden folder';
    hiddenMs = 10_000;
    isAnswerLost = false;
    const send = (name: string) =>
      story.deliver({
        caller: CALLER,
        options: { destination: 'reports', name, path },
        source: sourceOf(SMALL, false),
        idempotencyKey: name,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        deadlineMs: now() + 60_000,
        requestId: name,
      });
    isFolderAnswerLost = true;
    const { receipt } = await insist(() => send(`in ${path}`));
    expect(filesNamed(path)).toMatchObject([{ id: receipt.folderId }]);
  });
});

describe('a file that was permanently deleted after the answer about it was lost', () => {
  test.each<ConflictRule>(['new', 'replace', 'skip', 'fail'])(
    'is created again under its key within three minutes (onConflict %s)',
    async (onConflict) => {
      const name = `deleted ${onConflict}`;
      hide(0, { isCut: true });
      await expect(deliver({ name, onConflict })).rejects.toMatchObject({ code: 'drive-unavailable' });
      const [made] = filesNamed(name);
      google.drive.removeFile(made?.id ?? '');
      const startMs = now();
      const { receipt } = await insist(() => deliver({ name, onConflict }));
      expect(receipt.id).not.toBe(made?.id);
      expect(filesNamed(name)).toMatchObject([{ id: receipt.id, sha256: hash('sha256', SMALL) }]);
      expect(now() - startMs).toBeLessThan(180_000);
    },
  );
});
