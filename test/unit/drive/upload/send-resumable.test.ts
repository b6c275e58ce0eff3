import { describe, expect, test } from '@jest/globals';
import type { DriveRequest } from '../../../../src/drive/client.ts';
import type { CallContext, UploadRequest, UploadTarget } from '../../../../src/drive/drive.ts';
import { createBufferBudget } from '../../../../src/drive/upload/buffer-budget.ts';
import { sendChunks } from '../../../../src/drive/upload/chunks.ts';
import type { Sender } from '../../../../src/drive/upload/create-or-update.ts';
import { sendResumable } from '../../../../src/drive/upload/resumable.ts';
import { createUploadSource } from '../../../../src/drive/upload/upload-source.ts';
import { CourierError } from '../../../../src/errors.ts';
import type { Failure } from '../../../../src/google/transport.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';

/** A session of twelve bytes in chunks of four, against a Drive whose answers are given one by one. */

const BLOCK = 4;
const BYTES = Buffer.from('twelve bytes');
const URI = 'https://session';
const TARGET: UploadTarget = { kind: 'replace', id: 'f1', mimeType: 'text/csv' };
const WITHOUT_ID: UploadTarget = { kind: 'create', file: { name: 'a', mimeType: 'text/csv', folderId: 'folder' } };

interface Answer {
  status: number;
  range?: string;
  /** Drive's reason for a refusal that the courier does not know. */
  reason?: string;
}
const DONE: Answer = { status: 200 };
const stored = (bytes: number): Answer => ({ status: 308, range: `bytes=0-${bytes - 1}` });
const refused = (reason: string): Answer => ({ status: 400, reason });

const setUp = async (
  answers: Answer[],
  { maxAttempts = 9, ...overrides }: Partial<UploadRequest> & Partial<{ maxAttempts: number }> = {},
) => {
  const budget = createBufferBudget({ bytes: 64 * BLOCK, maxWaiters: 1, blockBytes: BLOCK, now: () => 0 });
  const lease = await budget.lease(2);
  let opens = 0;
  async function* open() {
    opens += 1;
    yield BYTES;
  }
  const source = { mimeType: 'text/csv', size: BYTES.length, open, openAt: open };
  const request: UploadRequest = { source, maxBytes: 1_000, ...overrides };
  const held = createUploadSource(request, { lease: { ...lease, share: () => 2 }, blockBytes: BLOCK, now: () => 0 });
  const calls: string[] = [];
  const waits: Failure[] = [];
  const client = {
    async call({ operation }: DriveRequest) {
      calls.push(operation);
      return { status: 200, headers: { location: URI }, body: Buffer.alloc(0) };
    },
    async callSession({ operation, method, headers, units }: DriveRequest, { beforeSend, onSend }: CallContext) {
      await beforeSend?.();
      const onAnswer = onSend?.();
      calls.push(method === 'DELETE' ? 'cancel' : `${operation} ${headers?.['content-range']} for ${units}`);
      const { status, range, reason = '' } = (method === 'DELETE' ? DONE : answers.shift()) ?? { status: 500 };
      onAnswer?.(status);
      return { status, headers: range === undefined ? {} : { range }, body: Buffer.from(reason) };
    },
    error: ({ status, body }: { status: number; body: Buffer }) =>
      new CourierError(status === 400 ? 'drive-refused' : 'drive-unavailable', { reason: String(body) }),
  };
  const sender = {
    ...{ client, request, source: held, now: () => 0, get: async () => driveFile() },
    async again(failure: Failure) {
      waits.push(failure);
      return failure.attempt < maxAttempts;
    },
  } as unknown as Sender;
  const finish = <Result>(work: Promise<Result>) => work.finally(() => held.close());
  return {
    ...{ calls, waits, opens: () => opens },
    chunks: () => finish(sendChunks(sender, TARGET, { uri: URI, stored: 0 })),
    upload: (target: UploadTarget = TARGET, resumed?: string) => finish(sendResumable(sender, target, resumed)),
  };
};

const put = (from: number, to: number): string => `drive.session.put bytes ${from}-${to - 1}/12 for 0`;

describe('the requests that may complete a session', () => {
  const LAST = put(8, 12);
  const report = async (answers: Answer[], maxAttempts?: number) => {
    const ends: unknown[][] = [];
    const onCommit = () => {
      const own: unknown[] = [];
      ends.push(own);
      return (status: unknown) => void own.push(status);
    };
    const { chunks, calls } = await setUp([stored(4), stored(8), ...answers], {
      onCommit,
      ...(maxAttempts && { maxAttempts }),
    });
    const isDone = await chunks().then(
      () => true,
      () => false,
    );
    return { ends, isDone, sent: calls.filter((call) => call === LAST).length };
  };

  test('are those with the last chunk', async () => {
    expect(await report([DONE])).toEqual({ ends: [[200, 200]], isDone: true, sent: 1 });
  });

  test('have all ended when Drive says that the session is complete', async () => {
    const { ends, isDone, sent } = await report([{ status: 503 }, stored(8), { status: 503 }, DONE]);
    expect([isDone, sent]).toEqual([true, 2]);
    expect(ends.map((own) => own.at(-1))).toEqual([200, 200]);
  });

  test('have not ended when Drive does not say so', async () => {
    expect(await report([{ status: 503 }], 1)).toEqual({ ends: [[503]], isDone: false, sent: 1 });
  });
});

describe('a session', () => {
  test('is sent from the byte that Drive reports, and costs no units of the quota', async () => {
    const { chunks, calls, opens } = await setUp([stored(4), stored(6), stored(10), DONE]);
    expect(await chunks()).toMatchObject({ kind: 'done', isAnswer: true });
    expect(opens()).toBe(1);
    expect(calls).toEqual([put(0, 4), put(4, 8), put(6, 10), put(10, 12)]);
  });

  test('continues at the position in a Range without a unit', async () => {
    const { chunks, calls, waits } = await setUp([{ status: 308, range: '0-3' }, stored(8), DONE]);
    expect(await chunks()).toMatchObject({ kind: 'done', isAnswer: true });
    expect([calls, waits]).toEqual([[put(0, 4), put(4, 8), put(8, 12)], []]);
  });

  test.each(['lines=0-3', 'bytes=4-7', 'bytes=0-'])(
    'whose Range cannot be read (%s) is asked for its status before anything is sent',
    async (range) => {
      const { chunks, calls, waits } = await setUp([{ status: 308, range }, stored(4), stored(8), DONE]);
      expect(await chunks()).toMatchObject({ kind: 'done', isAnswer: true });
      expect(calls).toEqual([put(0, 4), expect.stringContaining('bytes */12'), put(4, 8), put(8, 12)]);
      expect(waits).toHaveLength(1);
    },
  );

  test('is lost where Drive has less than it had acknowledged', async () => {
    const { chunks } = await setUp([stored(4), stored(2)]);
    expect(await chunks()).toMatchObject({ kind: 'lost', error: { code: 'drive-unavailable' } });
  });

  test('waits as briefly after each doubt as after the first, as long as Drive stores bytes', async () => {
    const doubt = { status: 308, range: 'lines=0-3' };
    const { chunks, waits } = await setUp([doubt, stored(4), doubt, stored(8), doubt, DONE]);
    expect(await chunks()).toMatchObject({ kind: 'done' });
    expect(waits.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
  });

  const SHARED = { keepSession: async () => undefined };

  test('that another try shares is continued from the byte up to which the other has sent it', async () => {
    const { chunks, calls, waits } = await setUp([stored(8), DONE], SHARED);
    expect(await chunks()).toMatchObject({ kind: 'done' });
    expect([calls, waits]).toEqual([[put(0, 4), put(8, 12)], []]);
  });

  test.each<[string, Parameters<typeof setUp>]>([
    ['is lost where Drive has more than was sent', [[stored(8)]]],
    ['that another try shares is lost where Drive has less than it had acknowledged', [[stored(4), stored(2)], SHARED]],
  ])('%s', async (_, [answers, overrides]) => {
    const { chunks } = await setUp(answers, overrides);
    expect(await chunks()).toMatchObject({ kind: 'lost' });
  });

  test('is lost where it is complete before its last chunk was sent', async () => {
    const { chunks, calls } = await setUp([stored(4), DONE]);
    expect(await chunks()).toMatchObject({ kind: 'lost', error: { code: 'drive-unavailable' } });
    expect(calls).toHaveLength(2);
  });

  test('that Drive refuses for an unknown reason is started again once for each reason', async () => {
    const { upload, waits } = await setUp([refused('one'), refused('other'), stored(4), stored(8), DONE]);
    expect(await upload()).toMatchObject({ kind: 'written', isAnswer: true });
    expect(waits.map(({ attempt }) => attempt)).toEqual([1, 2]);
    const again = await setUp([refused('one'), refused('one')]);
    await expect(again.upload()).rejects.toMatchObject({ code: 'drive-refused', reason: 'one' });
  });

  test('that is lost again and again is given up', async () => {
    const { upload, calls } = await setUp([stored(4), DONE, stored(4), DONE, stored(4), DONE], { maxAttempts: 2 });
    await expect(upload()).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(calls.filter((call) => call === 'drive.files.update')).toHaveLength(2);
  });

  test('of a new file without an id is not started again once Drive may have made the file', async () => {
    const { upload, calls } = await setUp([stored(4), stored(8), { status: 409 }]);
    await expect(upload(WITHOUT_ID)).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(calls.filter((call) => call === 'drive.files.create')).toHaveLength(1);
  });

  test('of an earlier try is continued where Drive has more than can be held at once', async () => {
    const { upload, calls } = await setUp([stored(8), DONE]);
    expect(await upload(TARGET, URI)).toMatchObject({ kind: 'written' });
    expect(calls).toEqual(['drive.session.status bytes */12 for 0', put(8, 12)]);
  }, 5_000);
});
