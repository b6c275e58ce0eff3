import { once } from 'node:events';
import { request as http1Request } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { formOf, formType } from '../support/http/form-bodies.ts';
import { type Entry, type Form, STREAMING_FORMS, startEntry } from '../support/http/http-forms.ts';
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  headerBlock,
  openHttp2,
  requestFields,
  setting,
} from '../support/http/http2-frames.ts';
import { openSocket } from '../support/http/raw-socket.ts';

let entry: Entry;
afterEach(() => entry.close());

/** At least 1,000 bytes in each second of waiting. */
const MIN_THROUGHPUT = { windowSeconds: 1, bytesPerSecond: 1_000 };

interface Sending {
  write(piece: string | Uint8Array): void;
  end(): void;
  answer: Promise<{ status: number; text: string }>;
}

/** A request whose body the test sends at any pace. */
const begin = (form: Form, headers: Record<string, string> = {}): Sending => {
  const path = '/v1/files?name=a';
  const all = { authorization: 'Bearer good', ...headers };
  if (form === 'h2c') {
    const session = http2Connect(`http://127.0.0.1:${entry.port}`).on('error', () => undefined);
    const stream = session.request({ ':method': 'POST', ':path': path, ...all }).on('error', () => undefined);
    const answer = (async () => {
      const [received] = await once(stream, 'response');
      let text = '';
      for await (const piece of stream) text += String(piece);
      session.destroy();
      return { status: Number(received[':status']), text };
    })();
    return { write: (piece) => void stream.write(piece), end: () => void stream.end(), answer };
  }
  const request = http1Request({
    ...{ port: entry.port, host: '127.0.0.1', method: 'POST', path, agent: false },
    headers: { ...all, 'transfer-encoding': 'chunked' },
  });
  // Sending to a server that has already responded fails; only its response matters.
  request.on('error', () => undefined).flushHeaders();
  const answer = (async () => {
    const [response] = await once(request, 'response');
    let text = '';
    for await (const piece of response) text += String(piece);
    return { status: response.statusCode, text };
  })();
  return { write: (piece) => void request.write(piece), end: () => void request.end(), answer };
};

/** Sends one piece after another until there is a response. */
const drip = async ({ write, answer }: Sending, piece: string, everyMs: number): Promise<void> => {
  let answered = false;
  void answer.finally(() => {
    answered = true;
  });
  while (!answered) {
    write(piece);
    await sleep(everyMs);
  }
};

describe.each(STREAMING_FORMS)('the minimum rate of a body, %s', (form) => {
  test('a caller that sends almost nothing is cut off with its code, with and without a form', async () => {
    entry = await startEntry(form, { minThroughput: MIN_THROUGHPUT });
    const isForm = { 'content-type': formType() };
    const [silent, dripping, inForm] = [begin(form), begin(form), begin(form, isForm)];
    await Promise.all([drip(dripping, 'x', 50), drip(inForm, 'x', 50)]);
    for (const sending of [silent, dripping, inForm]) {
      const { status, text } = await sending.answer;
      expect([status, JSON.parse(text).code]).toEqual([400, 'body-truncated']);
      expect(text).toMatch(/too slowly: \d+ bytes in 1 seconds/);
    }
    expect(entry.services.delivered).toEqual([]);
  });

  test('a slow but steady caller is not cut off, with and without a form', async () => {
    entry = await startEntry(form, { minThroughput: MIN_THROUGHPUT });
    const value = 'x'.repeat(30_000);
    const body = formOf([{ name: 'file', fileName: 'a', value }]);
    const [raw, inForm] = [begin(form), begin(form, { 'content-type': formType() })];
    // 10,000 bytes a second for three times the window.
    for (let at = 0; at < body.byteLength; at += 500) {
      raw.write(Buffer.from(value).subarray(at, at + 500));
      inForm.write(body.subarray(at, at + 500));
      await sleep(50);
    }
    raw.end();
    inForm.end();
    expect([(await raw.answer).status, (await inForm.answer).status]).toEqual([201, 201]);
    expect(entry.services.delivered.map(({ bytes }) => bytes.toString())).toEqual([value, value]);
  });

  test('a caller is not cut off because Drive is slow', async () => {
    entry = await startEntry(form, { minThroughput: MIN_THROUGHPUT });
    const pieces: Buffer[] = [];
    const { deliver } = entry.services;
    entry.services.deliver = async (delivery) => {
      async function* slowly() {
        for await (const piece of delivery.source.open()) {
          pieces.push(Buffer.from(piece));
          if (pieces.length === 1) await sleep(2_500);
          yield piece;
        }
      }
      return deliver({ ...delivery, source: { ...delivery.source, open: slowly } });
    };
    const { status } = await entry.send({ target: '/v1/files?name=a', body: Buffer.alloc(1_000_000) });
    expect(status).toBe(201);
    expect(Buffer.concat(pieces).byteLength).toBe(1_000_000);
  });

  test('the timers of a request are released with it', async () => {
    entry = await startEntry(form, { minThroughput: MIN_THROUGHPUT });
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const bad = [
      { target: '/v1/files?name=a', headers: { 'content-type': formType() }, parts: [{ name: 'x', value: 'y' }] },
      { target: '/v1/files', headers: { 'content-type': formType() }, parts: [{ name: 'name', value: '\0' }] },
    ];
    for (let turn = 0; turn < 20; turn += 1) {
      for (const { parts, ...call } of bad) {
        const { status } = await entry.send({
          ...call,
          body: formOf([...parts, { name: 'file', fileName: 'f', value: Buffer.alloc(200_000) }]),
        });
        expect(status).toBe(400);
      }
    }
    // The remaining timers belong to sockets that are closing.
    for (let tries = 0; timers() > before + 5 && tries < 100; tries += 1) await sleep(50);
    expect(timers()).toBeLessThanOrEqual(before + 5);
  });
});

describe('connections without a request', () => {
  const times = { headersMs: 500, idleMs: 700 };

  test.each([
    ['says nothing', '', /^$/],
    ['begins like HTTP/2 and stops', 'PRI * HT', /^$/],
    [
      'stops within its headers',
      'GET /v1/health HTTP/1.1\r\nHost: a\r\nX-',
      /^HTTP\/1\.1 400 .*The headers did not arrive/s,
    ],
  ])('one that %s is closed in time', async (_, text, answer) => {
    entry = await startEntry('HTTP/1.1', { times });
    const { write, ended, received } = await openSocket(entry.port);
    await write(text);
    await ended;
    expect(received().toString()).toMatch(answer);
  });

  test('one that sends its headers byte by byte is closed in time', async () => {
    entry = await startEntry('HTTP/1.1', { times });
    const { write, ended, socket } = await openSocket(entry.port);
    await write('GET /v1/health HTTP/1.1\r\nX-Slow: ');
    let over = false;
    void ended.then(() => {
      over = true;
    });
    const startedMs = performance.now();
    while (!over && performance.now() - startedMs < 15_000) {
      if (socket.writable) socket.write('x');
      await sleep(50);
    }
    expect(over).toBe(true);
  });

  test('one that idles after a response is closed in time, over HTTP/1.1', async () => {
    entry = await startEntry('HTTP/1.1', { times });
    const { write, until, ended } = await openSocket(entry.port);
    await write('GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(/"ok":true/);
    await ended;
  });

  test('one that idles after a response is closed in time, over h2c', async () => {
    entry = await startEntry('h2c', { times });
    const session = http2Connect(`http://127.0.0.1:${entry.port}`);
    const stream = session.request({ ':path': '/v1/health' });
    await once(stream.resume(), 'end');
    await once(session, 'close');
  });

  test.each(STREAMING_FORMS)('one whose delivery takes longer stays open, %s', async (form) => {
    entry = await startEntry(form, { times });
    const { deliver } = entry.services;
    entry.services.deliver = async (delivery) => {
      await sleep(2_000);
      return deliver(delivery);
    };
    expect((await entry.send({ target: '/v1/files?name=a', body: 'abc' })).status).toBe(201);
  });
});

test('a response that its caller does not read is not kept for long', async () => {
  entry = await startEntry('h2c', { lifecycle: { answerMs: 300 } });
  // INITIAL_WINDOW_SIZE 0: no byte of a response may be sent.
  const wire = await openHttp2(entry.port, setting(4, 0));
  const fields = requestFields('GET', '/v1/health');
  await wire.write(frame(FRAME.headers, END_HEADERS | END_STREAM, 1, headerBlock(fields)));
  for (;;) {
    if (wire.frames().some(({ type, stream }) => type === FRAME.resetStream && stream === 1)) break;
    await sleep(10);
  }
  expect(wire.frames().some(({ type, stream }) => type === FRAME.headers && stream === 1)).toBe(true);
  expect(wire.frames().some(({ type, payload }) => type === FRAME.data && payload.byteLength > 0)).toBe(false);
  wire.socket.destroy();
});
