import { expect, test } from '@jest/globals';
import type { DriveAuth } from '../../../src/credentials/drive-auth.ts';
import { createDriveClient } from '../../../src/drive/client.ts';
import type { CallContext, Drive } from '../../../src/drive/drive.ts';
import { CourierError } from '../../../src/errors.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import { failureOf, startDrive } from '../../support/drive/answering-drive.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const ANSWER = { status: 200, headers: {}, body: Buffer.from('{}') };

/** Drive's client, whose waits and requests are recorded. */
const setUp = (answers = [ANSWER]) => {
  const events: string[] = [];
  const transport = createTransport({
    http: {
      async send() {
        events.push('sent');
        return answers.shift() ?? ANSWER;
      },
      open: () => Promise.reject(new Error('nothing is streamed')),
      close: () => undefined,
    },
    sleep: async () => undefined,
    log: createKeptLog(),
  });
  const auth = { token: async () => 'token', rejected: () => undefined, account: () => 'a' } as unknown as DriveAuth;
  const pace = { spend: async () => void events.push('paced'), slowDown: () => undefined };
  const client = createDriveClient({ transport, auth, pace });
  const call = {
    operation: 'drive.files.get',
    method: 'GET',
    url: 'https://x',
    units: 1,
    retry: 'idempotent',
  } as const;
  return { events, call: (context: Parameters<typeof client.call>[1]) => client.call(call, context) };
};

test('the last check comes after all waits, before each attempt', async () => {
  const { events, call } = setUp([{ ...ANSWER, status: 503 }, ANSWER]);
  await call({ beforeSend: () => void events.push('checked') });
  expect(events).toEqual(['paced', 'checked', 'sent', 'paced', 'checked', 'sent']);
});

test('a request is reported when it is sent, unless it only reads', async () => {
  const { drive } = await startDrive([]);
  const events: unknown[] = [];
  const onSend = () => {
    events.push('sent');
    return undefined;
  };
  await drive.get('one', { onSend }).catch(() => undefined);
  expect(events).toEqual([]);
  await drive.remove('one', { onSend }).catch(() => undefined);
  expect(events.length).toBeGreaterThan(0);
});

test.each<[string, (drive: Drive, context: CallContext) => Promise<unknown>]>([
  ["Google's library", (drive, context) => drive.trash('one', context)],
  ['no library', (drive, context) => drive.get('one', context)],
  ['a folder', (drive, context) => drive.createFolder({ id: 'one', name: 'a', parentId: 'root' }, context)],
])('nothing is sent if the last check throws, and its error is thrown unchanged, with %s', async (_, run) => {
  const { drive, seen } = await startDrive([]);
  const error = new CourierError('google-unavailable');
  const beforeSend = (): Promise<void> => Promise.reject(error);
  expect(await failureOf(run(drive, { beforeSend }))).toBe(error);
  expect(seen).toEqual([]);
});

test('nothing is sent if the last check aborts the signal', async () => {
  const { events, call } = setUp();
  const controller = new AbortController();
  const reason = new CourierError('google-unavailable', { detail: 'The lease has expired.' });
  const sent = call({ signal: controller.signal, beforeSend: () => controller.abort(reason) });
  await expect(sent).rejects.toMatchObject({ code: 'drive-unavailable', cause: reason });
  expect(events).toEqual(['paced']);
});
