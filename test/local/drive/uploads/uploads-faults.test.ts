import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { FaultRule } from '../../../../local/google/faults/plan.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import {
  eventually,
  GRANULE,
  hex,
  MIB,
  noise,
  rangeOf,
  type Sent,
  send,
  type Uploader,
  uploaderOf,
} from './uploading.ts';

let google: LocalGoogle;
let alice: Uploader;
beforeAll(async () => {
  google = await startLocalGoogle();
  alice = uploaderOf(google, google.world.emails.alice);
});
afterEach(() => google.faults.clear());
afterAll(() => google.close());

/** Adds a fault over HTTP, as programs in other processes do. */
const addFault = async (rule: FaultRule): Promise<void> => {
  const answer = await fetch(`${google.origin}/_faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(rule),
  });
  expect(answer.status).toBe(200);
};

const PUT = { method: 'PUT', host: 'www.googleapis.com', path: '/upload/drive/v3/files' } as const;
const bytes = noise(3 * GRANULE + 100);
const CHUNK = bytes.subarray(0, 2 * GRANULE);
const sendAll = (uri: string): Promise<Sent> => send(uri, { body: bytes, headers: rangeOf(0, bytes, bytes.length) });
const sendChunk = (uri: string): Promise<Sent> => send(uri, { body: CHUNK, headers: rangeOf(0, CHUNK, bytes.length) });
const status = (uri: string): Promise<Sent> => send(uri, { headers: { 'content-range': `bytes */${bytes.length}` } });
const storedOf = ({ status: code, headers }: Sent): unknown => [code, headers.range];
const session = (): Promise<string> => alice.session({ name: 'corrupted' }, {}, '&fields=id,sha256Checksum');
const files = () => google.drive.files().filter(({ name }) => name === 'corrupted');

/** Sends the bytes that the session lacks, and checks that there is one more file with all bytes. */
const finishesWhole = async (uri: string, before: number): Promise<void> => {
  const asked = await status(uri);
  const first = asked.headers.range === undefined ? 0 : Number(asked.headers.range.split('-')[1]) + 1;
  const rest = bytes.subarray(first);
  const { body } =
    asked.status === 200 ? asked : await send(uri, { body: rest, headers: rangeOf(first, rest, bytes.length) });
  expect(body.sha256Checksum).toBe(hex('sha256', bytes));
  expect(hex('sha256', google.drive.bytesOf(body.id))).toBe(hex('sha256', bytes));
  expect(files()).toHaveLength(before + 1);
};

test('after a status with a reason nothing is stored, and the session continues', async () => {
  const [uri, before] = [await session(), files().length];
  await addFault({
    ...PUT,
    times: 1,
    fault: { kind: 'status', status: 403, reason: 'userRateLimitExceeded', retryAfterSeconds: 1 },
  });
  const answer = await sendChunk(uri);
  expect([answer.status, answer.body.error.errors[0].reason, answer.headers['retry-after']]).toEqual([
    403,
    'userRateLimitExceeded',
    '1',
  ]);
  expect(storedOf(await status(uri))).toEqual([308, undefined]);
  await finishesWhole(uri, before);
});

test('a delay', async () => {
  const uri = await session();
  await addFault({ ...PUT, fault: { kind: 'delay', ms: 150 } });
  const startedMs = performance.now();
  expect((await sendAll(uri)).status).toBe(200);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(145);
});

describe('a connection that is reset', () => {
  test.each<[string, 'before' | 'during' | 'after', number, string | undefined]>([
    ['before the body', 'before', 0, undefined],
    ['at its first byte', 'during', 0, undefined],
    ['in its middle', 'during', GRANULE + 1000, `bytes=0-${GRANULE - 1}`],
    ['in its middle, at a multiple of 256 KiB', 'during', GRANULE, `bytes=0-${GRANULE - 1}`],
    ['after it', 'after', 0, undefined],
  ])('%s: what came counts, in whole 256 KiB', async (_, when, afterBytes, stored) => {
    const [uri, before] = [await session(), files().length];
    await addFault({ ...PUT, times: 1, fault: { kind: 'reset', when, afterBytes } });
    expect((await sendChunk(uri)).status).toBe(0);
    await eventually(async () => expect(storedOf(await status(uri))).toEqual([308, stored]));
    await finishesWhole(uri, before);
  });

  test.each(['before', 'during', 'after'] as const)(
    '%s a simple upload, and one in parts: no file, and no complaint',
    async (when) => {
      const complaints = jest.spyOn(console, 'error');
      const count = google.drive.files().length;
      await addFault({ method: 'POST', fault: { kind: 'reset', when, afterBytes: 1000 } });
      const related = `--b\r\n\r\n{"name":"corrupted"}\r\n--b\r\n\r\n${'x'.repeat(5000)}\r\n--b--`;
      const headers = { 'content-type': 'multipart/related; boundary=b' };
      const metadata = JSON.stringify({ name: 'corrupted', description: 'x'.repeat(5000) });
      expect((await alice.at('/upload/drive/v3/files?uploadType=media', { body: bytes })).status).toBe(0);
      expect((await alice.at('/upload/drive/v3/files?uploadType=multipart', { body: related, headers })).status).toBe(
        0,
      );
      expect((await alice.at('/upload/drive/v3/files?uploadType=resumable', { body: metadata })).status).toBe(0);
      expect(google.drive.files()).toHaveLength(count);
      expect(complaints).not.toHaveBeenCalled();
      complaints.mockRestore();
    },
  );
});

describe('an answer that is lost after the request was carried out', () => {
  test('of a chunk: its bytes are stored', async () => {
    const [uri, before] = [await session(), files().length];
    await addFault({ ...PUT, times: 1, fault: { kind: 'answer-lost' } });
    expect((await sendChunk(uri)).status).toBe(0);
    expect(storedOf(await status(uri))).toEqual([308, `bytes=0-${CHUNK.length - 1}`]);
    await finishesWhole(uri, before);
  });

  test('of the last chunk: the file exists, and the status query returns it', async () => {
    const [uri, before] = [await session(), files().length];
    await addFault({ ...PUT, times: 1, fault: { kind: 'answer-lost' } });
    expect((await sendAll(uri)).status).toBe(0);
    await eventually(() => expect(files()).toHaveLength(before + 1));
    expect((await status(uri)).status).toBe(200);
    expect((await sendAll(uri)).status).toBe(200);
    await finishesWhole(uri, before);
  });

  test('of an upload in one request: the file exists, and a retry creates another one', async () => {
    const before = google.drive.files().length;
    await addFault({ method: 'POST', times: 1, fault: { kind: 'answer-lost' } });
    expect((await alice.at('/upload/drive/v3/files?uploadType=media', { body: 'once' })).status).toBe(0);
    await eventually(() => expect(google.drive.files()).toHaveLength(before + 1));
    expect((await alice.at('/upload/drive/v3/files?uploadType=media', { body: 'once' })).status).toBe(200);
    expect(google.drive.files()).toHaveLength(before + 2);
  });
});

describe('a chunk that is stored in part', () => {
  test.each([
    [0, undefined],
    [GRANULE - 1, undefined],
    [GRANULE, `bytes=0-${GRANULE - 1}`],
    [GRANULE + 5, `bytes=0-${GRANULE - 1}`],
    [10 * MIB, `bytes=0-${CHUNK.length - 1}`],
  ])('%i bytes of it: the 308 reports how much, in multiples of 256 KiB', async (storeAtMostBytes, stored) => {
    const [uri, before] = [await session(), files().length];
    await addFault({ ...PUT, times: 1, fault: { kind: 'partial', storeAtMostBytes } });
    expect(storedOf(await sendChunk(uri))).toEqual([308, stored]);
    await finishesWhole(uri, before);
  });

  test.each([
    ['the last chunk', sendAll],
    ['the whole body at once', (uri: string) => send(uri, { body: bytes })],
  ])('%s: 308 instead of the file', async (_, sendIt) => {
    const [uri, before] = [await session(), files().length];
    await addFault({ ...PUT, times: 1, fault: { kind: 'partial', storeAtMostBytes: 2 * GRANULE + 1 } });
    expect(storedOf(await sendIt(uri))).toEqual([308, `bytes=0-${2 * GRANULE - 1}`]);
    await finishesWhole(uri, before);
  });
});

test('a forgotten session answers 404 from then on, and there is no file', async () => {
  const [uri, other, before] = [await session(), await session(), files().length];
  await sendChunk(uri);
  await addFault({ ...PUT, nth: 1, fault: { kind: 'forget-session' } });
  expect((await sendAll(uri)).status).toBe(404);
  expect((await status(uri)).status).toBe(404);
  expect((await send(uri, { method: 'DELETE' })).status).toBe(404);
  expect(files()).toHaveLength(before);
  await finishesWhole(other, before);
});

test('bandwidth: a throttled chunk takes its time and comes whole', async () => {
  const [uri, before] = [await session(), files().length];
  await addFault({ ...PUT, times: 1, fault: { kind: 'throttle', bytesPerSecond: 2_000_000 } });
  const startedMs = performance.now();
  expect(storedOf(await sendChunk(uri))).toEqual([308, `bytes=0-${CHUNK.length - 1}`]);
  expect(performance.now() - startedMs).toBeGreaterThan((CHUNK.length / 2_000_000) * 900);
  await finishesWhole(uri, before);
});

describe('a corrupted stored byte', () => {
  const corruptedAt = (offset: number): Buffer => {
    const corrupted = Buffer.from(bytes);
    corrupted[offset] = (corrupted[offset] ?? 0) ^ 1;
    return corrupted;
  };

  test.each([[0], [GRANULE + 77], [bytes.length - 1]])(
    'at %i of a session: the checksums are those of what is stored',
    async (offset) => {
      const uri = await session();
      await addFault({ ...PUT, times: 1, fault: { kind: 'corrupt', offset } });
      const { body } = await sendAll(uri);
      expect(body.sha256Checksum).toBe(hex('sha256', corruptedAt(offset)));
      expect(google.drive.bytesOf(body.id).equals(corruptedAt(offset))).toBe(true);
    },
  );

  test('in a later chunk: the offset counts from that chunk', async () => {
    const uri = await session();
    await sendChunk(uri);
    await addFault({ ...PUT, times: 1, fault: { kind: 'corrupt', offset: 3 } });
    const rest = bytes.subarray(CHUNK.length);
    const { body } = await send(uri, { body: rest, headers: rangeOf(CHUNK.length, rest, bytes.length) });
    expect(body.sha256Checksum).toBe(hex('sha256', corruptedAt(CHUNK.length + 3)));
  });

  test('in uploads of one request', async () => {
    await addFault({ method: 'POST', fault: { kind: 'corrupt', offset: 1 } });
    const simple = await alice.at('/upload/drive/v3/files?uploadType=media', { body: 'abc' });
    expect(google.drive.bytesOf(simple.body.id).toString()).toBe('acc');
    const multipart = await alice.at('/upload/drive/v3/files?uploadType=multipart', {
      body: '--b\r\n\r\n{}\r\n--b\r\n\r\nabc\r\n--b--',
      headers: { 'content-type': 'multipart/related; boundary=b' },
    });
    expect(google.drive.bytesOf(multipart.body.id).toString()).toBe('acc');
  });
});

test('seeded faults of all kinds at once: one whole file in the end, for a client that follows the guide', async () => {
  const faults: FaultRule['fault'][] = [
    { kind: 'status', status: 503 },
    { kind: 'reset', when: 'before' },
    { kind: 'reset', when: 'during', afterBytes: GRANULE + 9 },
    { kind: 'reset', when: 'after' },
    { kind: 'answer-lost' },
    { kind: 'partial', storeAtMostBytes: GRANULE },
  ];
  google.faults.add({ seed: 20, rules: faults.map((fault) => ({ ...PUT, probability: 0.12, fault })) });
  const before = files().length;
  for (let round = 0; round < 12; round += 1) {
    const uri = await session();
    for (let tries = 0; tries < 60; tries += 1) {
      const asked = await status(uri);
      if (asked.status === 200) break;
      if (asked.status !== 308) continue;
      const first = asked.headers.range === undefined ? 0 : Number(asked.headers.range.split('-')[1]) + 1;
      const piece = bytes.subarray(first, first + 2 * GRANULE);
      await send(uri, { body: piece, headers: rangeOf(first, piece, bytes.length) });
    }
  }
  expect(google.faults.list().every(({ fired }) => fired > 0)).toBe(true);
  google.faults.clear();
  const made = files().slice(before);
  expect(made.map(({ sha256 }) => sha256)).toEqual(Array(12).fill(hex('sha256', bytes)));
});
