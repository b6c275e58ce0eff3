import { type EventEmitter, once } from 'node:events';
import { request as http1Request, type IncomingMessage } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { HttpDependencies } from '../../../src/http/dependencies.ts';
import { zipOf } from '../../support/archives.ts';
import { createEntryStarter, type Entry } from '../../support/http/http-forms.ts';

const { started, close } = createEntryStarter();
afterEach(close);

const ANSWER_MS = 500;
/** A line has so many bytes that a few of them fill the buffers of a connection. */
const LONG = 'x'.repeat(500_000);

/** A prefix with more objects than anybody delivers, whose receipts are long. */
const endless = (): Partial<HttpDependencies> => ({
  concurrentUploads: 8,
  openPrefix: async () => ({
    destinationPath: '',
    objects: (async function* () {
      for (let index = 0; ; index += 1) yield { name: `${index}.csv`, generation: '1', size: 1 };
    })(),
  }),
  openObject: async ({ object }) => ({
    name: object,
    size: 1,
    mimeType: 'text/csv',
    open: async function* () {
      yield Buffer.from('x');
    },
  }),
});

/** A response that is not read until `read` is called, which reads until it ends or is cut. */
interface Unread {
  read(): Promise<void>;
  disconnect(): void;
}

interface UnreadRequest {
  target: string;
  type: string;
  body: Buffer;
  /** The service knows it as a caller of its own. */
  token: string;
}

/** Sends a request over a connection of its own. */
const sendUnread = async (
  { form, port }: Pick<Entry, 'form' | 'port'>,
  { target, type, body, token }: UnreadRequest,
): Promise<Unread> => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': type, 'content-length': body.byteLength };
  const open = async () => {
    if (form === 'HTTP/1.1') {
      const request = http1Request({ port, host: '127.0.0.1', method: 'POST', path: target, headers, agent: false });
      request.on('error', () => undefined).end(body);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return { response, disconnect: () => request.destroy() };
    }
    const session = http2Connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1_000 } });
    const response = session.request({ ':method': 'POST', ':path': target, ...headers });
    response.on('error', () => undefined).end(body);
    await once(response, 'response');
    return { response, disconnect: () => session.destroy() };
  };
  const { response, disconnect } = await open();
  response.on('error', () => undefined).pause();
  return {
    async read() {
      const ended = [once(response, 'end'), once(response, 'close')];
      response.resume();
      await Promise.race(ended);
    },
    disconnect: () => void disconnect(),
  };
};

const PREFIX = {
  target: '/v1/exports',
  type: 'application/json',
  body: Buffer.from('{"source":{"gcsPrefix":"gs://bucket/"}}'),
  token: 'good',
};

const archiveOf = (entries: number, token = 'good'): UnreadRequest => ({
  target: '/v1/files?unpack=zip',
  type: 'application/zip',
  body: zipOf(Array.from({ length: entries }, (_, index) => ({ name: `${index}`, bytes: 'x' }))),
  token,
});

const longReceipts = ({ services }: Entry) => {
  const { deliver } = services;
  let delivered = 0;
  let isHeld = false;
  services.deliver = async (delivery) => {
    if (isHeld) await once(delivery.signal, 'abort');
    delivered += 1;
    return { ...(await deliver(delivery)), description: LONG };
  };
  const count = (): number => delivered;
  return {
    count,
    /** Further deliveries take until their caller disconnects. */
    hold(): void {
      isHeld = true;
    },
    /** Resolves when no further file is delivered for some time. */
    async stalled(ms = 300): Promise<void> {
      let before = -1;
      while (count() > before) {
        before = count();
        await sleep(ms);
      }
    },
  };
};

/** Records which responses are closed, in the order of their requests. */
const closings = () => {
  const closed: boolean[] = [];
  return {
    closed,
    watch(_incoming: unknown, outgoing: EventEmitter): void {
      const index = closed.push(false) - 1;
      outgoing.on('close', () => {
        closed[index] = true;
      });
    },
  };
};

/** Every token belongs to a caller of its own. */
const eachTokenACaller: Partial<HttpDependencies> = {
  concurrentUploads: 100,
  authenticate: async (headers) => ({ sub: headers.get('authorization') ?? '', email: undefined }),
};

describe.each(['HTTP/1.1', 'h2c'] as const)('a caller that does not read its lines, %s', (form) => {
  test('holds its slots for a short time only', async () => {
    const entry = await started(form, { services: endless(), lifecycle: { answerMs: ANSWER_MS } });
    const { count } = longReceipts(entry);
    const { disconnect } = await sendUnread(entry, PREFIX);
    const small = async (): Promise<number> => (await entry.send({ target: '/v1/files?name=a', body: 'abc' })).status;
    // All slots are taken by deliveries that wait for the reader.
    while ((await small()) !== 429) await sleep(10);
    while ((await small()) !== 201) await sleep(10);
    const before = count();
    await sleep(100);
    expect(count()).toBe(before);
    disconnect();
  }, 20_000);

  test('does not fill the memory with the lines of an archive', async () => {
    const entry = await started(form, { lifecycle: { answerMs: ANSWER_MS } });
    const { count, stalled } = longReceipts(entry);
    const { disconnect } = await sendUnread(entry, archiveOf(200));
    await stalled(ANSWER_MS + 200);
    // 16 MiB, what the connection itself buffers, and the deliveries that were waiting.
    expect(count()).toBeGreaterThan(33);
    expect(count()).toBeLessThan(80);
    disconnect();
  }, 20_000);

  test('does not fill the memory with the lines of many archives', async () => {
    const entry = await started(form, { services: { concurrentUploads: 100 } });
    const { count, stalled } = longReceipts(entry);
    const disconnects: (() => void)[] = [];
    for (let request = 0; request < 8; request += 1) {
      disconnects.push((await sendUnread(entry, archiveOf(200))).disconnect);
      await stalled();
    }
    // 16 MiB for all of them; for each, what its connection buffers, and the deliveries that were waiting.
    expect(count()).toBeLessThan(40 + 8 * 22);
    for (const disconnect of disconnects) disconnect();
    await stalled();
    const before = count();
    const { disconnect } = await sendUnread(entry, archiveOf(200));
    await stalled();
    // The memory is free again.
    expect(count() - before).toBeGreaterThan(40);
    disconnect();
  }, 40_000);

  test('gets the memory that another response releases', async () => {
    const entry = await started(form, { services: eachTokenACaller });
    const { count, stalled } = longReceipts(entry);
    const first = await sendUnread(entry, archiveOf(60));
    await stalled();
    const second = await sendUnread(entry, archiveOf(60));
    await stalled();
    expect(count()).toBeLessThan(60 + 33);
    await first.read();
    await stalled();
    // 16 MiB, and the deliveries that were waiting.
    expect(count()).toBeGreaterThan(60 + 33);
    second.disconnect();
    first.disconnect();
  }, 40_000);

  test('is disconnected in time, although others release memory again and again', async () => {
    const { closed, watch } = closings();
    const lifecycle = { answerMs: ANSWER_MS };
    const entry = await started(form, { services: eachTokenACaller, lifecycle, watch });
    const { stalled } = longReceipts(entry);
    const { disconnect } = await sendUnread(entry, archiveOf(200));
    await stalled(50);
    while (closed[0] === false) {
      const other = await sendUnread(entry, archiveOf(3, 'other'));
      await other.read();
      other.disconnect();
    }
    disconnect();
  }, 10_000);

  test('is not disconnected once its lines have found memory', async () => {
    const { closed, watch } = closings();
    const answerMs = 2 * ANSWER_MS;
    const entry = await started(form, { services: { concurrentUploads: 100 }, lifecycle: { answerMs }, watch });
    const { hold, stalled } = longReceipts(entry);
    const first = await sendUnread(entry, archiveOf(60));
    await stalled(50);
    const second = await sendUnread(entry, archiveOf(60));
    await stalled(50);
    // The second response waits for the next file, not for its reader.
    hold();
    first.disconnect();
    await sleep(answerMs + 300);
    expect(closed).toEqual([true, false]);
    second.disconnect();
  }, 10_000);
});
