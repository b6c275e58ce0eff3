import { once } from 'node:events';
import { request as http1Request } from 'node:http';
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

/** Sends a request whose response is never read. */
const sendUnread = async (form: 'HTTP/1.1' | 'h2c', port: number, target: string, type: string, body: Buffer) => {
  const headers = { authorization: 'Bearer good', 'content-type': type, 'content-length': body.byteLength };
  if (form === 'HTTP/1.1') {
    const request = http1Request({ port, host: '127.0.0.1', method: 'POST', path: target, headers, agent: false });
    request.on('error', () => undefined).end(body);
    const [response] = await once(request, 'response');
    response.pause();
    return () => request.destroy();
  }
  const session = http2Connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1_000 } });
  const stream = session.request({ ':method': 'POST', ':path': target, ...headers });
  stream.on('error', () => undefined).end(body);
  await once(stream, 'response');
  stream.pause();
  return () => session.destroy();
};

const longReceipts = ({ services }: Entry): { count(): number } => {
  const { deliver } = services;
  let delivered = 0;
  services.deliver = async (delivery) => {
    delivered += 1;
    return { ...(await deliver(delivery)), description: LONG };
  };
  return { count: () => delivered };
};

describe.each(['HTTP/1.1', 'h2c'] as const)('a caller that does not read its lines, %s', (form) => {
  test('holds its slots for a short time only', async () => {
    const entry = await started(form, { services: endless(), lifecycle: { answerMs: ANSWER_MS } });
    const { count } = longReceipts(entry);
    const body = Buffer.from('{"source":{"gcsPrefix":"gs://bucket/"}}');
    const disconnect = await sendUnread(form, entry.port, '/v1/exports', 'application/json', body);
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
    const { count } = longReceipts(entry);
    const files = Array.from({ length: 200 }, (_, index) => ({ name: `${index}`, bytes: 'x' }));
    const disconnect = await sendUnread(form, entry.port, '/v1/files?unpack=zip', 'application/zip', zipOf(files));
    let before = -1;
    while (count() > before) {
      before = count();
      await sleep(ANSWER_MS + 200);
    }
    // 16 MiB, what the connection itself buffers, and the deliveries that were waiting.
    expect(count()).toBeGreaterThan(33);
    expect(count()).toBeLessThan(80);
    disconnect();
  }, 20_000);

  test('does not fill the memory with the lines of many archives', async () => {
    const entry = await started(form, { services: { concurrentUploads: 100 } });
    const { count } = longReceipts(entry);
    const files = Array.from({ length: 200 }, (_, index) => ({ name: `${index}`, bytes: 'x' }));
    const archive = zipOf(files);
    const disconnects: (() => void)[] = [];
    for (let request = 0; request < 8; request += 1) {
      disconnects.push(await sendUnread(form, entry.port, '/v1/files?unpack=zip', 'application/zip', archive));
      let before = -1;
      while (count() > before) {
        before = count();
        await sleep(300);
      }
    }
    // 20 MiB for all of them; for each, what its connection buffers, and the deliveries that were waiting.
    expect(count()).toBeLessThan(40 + 8 * 22);
    for (const disconnect of disconnects) disconnect();
    // The memory is free again.
    const before = count();
    while (count() < before + 50) {
      await sleep(100);
      const disconnect = await sendUnread(form, entry.port, '/v1/files?unpack=zip', 'application/zip', archive);
      await sleep(500);
      disconnect();
    }
  }, 40_000);
});
