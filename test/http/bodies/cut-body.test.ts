import { connect as http2Connect } from 'node:http2';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CourierError } from '../../../src/errors.ts';
import { formOf, formType } from '../../support/http/form-bodies.ts';
import { type Entry, STREAMING_FORMS, startEntry } from '../../support/http/http-forms.ts';
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  type Http2Wire,
  headerBlock,
  openHttp2,
  requestFields,
  uint32,
} from '../../support/http/http2-frames.ts';
import { openSocket } from '../../support/http/raw-socket.ts';

const FORM = formOf([{ name: 'file', fileName: 'a', value: 'x'.repeat(1000) }]).toString();

let entry: Entry;
let failures: CourierError[];
let seen: Promise<void>;
const start = async (form: (typeof STREAMING_FORMS)[number]): Promise<void> => {
  failures = [];
  entry = await startEntry(form);
  const { deliver, authenticate } = entry.services;
  seen = new Promise((resolve) => {
    entry.services.authenticate = (headers) => {
      resolve();
      return authenticate(headers);
    };
  });
  entry.services.deliver = async (delivery) => {
    try {
      return await deliver(delivery);
    } catch (error) {
      failures.push(error as CourierError);
      throw error;
    }
  };
};
/** Waits until the app has logged a request, and returns that record. */
const logged = async (): Promise<string> => {
  for (;;) {
    const line = entry.services.log.lines.find((text) => text.includes('httpRequest'));
    if (line !== undefined) return line;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
const expectNothingDelivered = async (): Promise<void> => {
  expect(await logged()).toContain('"code":"body-truncated"');
  expect(entry.services.delivered).toEqual([]);
  for (const failure of failures) expect(failure.code).toBe('body-truncated');
  expect((await entry.send({ target: '/v1/files?name=a', body: 'whole' })).status).toBe(201);
};

describe.each(['HTTP/1.1', 'function'] as const)('a truncated body creates no delivery, %s', (form) => {
  beforeEach(() => start(form));
  afterEach(() => entry.close());
  const head = (...lines: string[]): string =>
    ['POST /v1/files?name=a HTTP/1.1', 'Host: courier', 'Authorization: Bearer good', ...lines, '', ''].join('\r\n');

  const cuts = [
    ['short of its length', head('Content-Length: 10').concat('nine byte')],
    ['before its first byte', head('Content-Length: 10')],
    ['within a chunk', head('Transfer-Encoding: chunked').concat('5\r\nabc')],
    ['between two chunks', head('Transfer-Encoding: chunked').concat('3\r\nabc\r\n')],
    ['before the empty line of its end', head('Transfer-Encoding: chunked').concat('3\r\nabc\r\n0\r\n')],
    ['in the middle of a form', head(`Content-Type: ${formType()}`, 'Content-Length: 2000').concat(FORM.slice(0, 500))],
    ['behind a form that is whole', head(`Content-Type: ${formType()}`, 'Content-Length: 2000').concat(FORM)],
  ] as const;

  test.each(cuts)('%s, by a closed connection', async (_, text) => {
    const { socket, write } = await openSocket(entry.port);
    await write(text);
    socket.destroy();
    await expectNothingDelivered();
  });

  test.each(cuts)('%s, by a reset connection', async (_, text) => {
    const { socket, write } = await openSocket(entry.port);
    await write(text);
    // A reset discards what has not been read yet.
    await seen;
    socket.resetAndDestroy();
    await expectNothingDelivered();
  });

  test.each(cuts)('%s, by a caller that still reads', async (_, text) => {
    const { socket, write, until } = await openSocket(entry.port);
    await write(text);
    socket.end();
    if (form === 'HTTP/1.1') {
      const answer = await until(/\r\n\r\n\{.*\}/);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ code: 'body-truncated', status: 400 });
    }
    socket.destroy();
    await expectNothingDelivered();
  });

  test('by an invalid chunk', async () => {
    const { write, until } = await openSocket(entry.port);
    await write(head('Transfer-Encoding: chunked').concat('3\r\nabc\r\nnonsense\r\n'));
    await until(/^HTTP\/1\.1 400 /);
    expect(entry.services.delivered).toEqual([]);
  });

  test('by bytes beyond its length, which belong to the next request', async () => {
    const { write, until } = await openSocket(entry.port);
    await write(head('Content-Length: 3').concat('abcd'));
    if (form === 'HTTP/1.1') expect(await until(/\r\n\r\n\{.*\}/)).toMatch(/^HTTP\/1\.1 201 /);
    else await until(/^HTTP\/1\.1 /);
    expect(entry.services.delivered.map(({ bytes }) => bytes.toString())).toEqual(['abc']);
  });
});

describe('a truncated body creates no delivery, h2c', () => {
  beforeEach(() => start('h2c'));
  afterEach(() => entry.close());
  /** A request in frames, the last of which does not end its stream. */
  const begin = async (body: string, headers: Record<string, string> = {}): Promise<Http2Wire> => {
    const wire = await openHttp2(entry.port);
    const fields = requestFields('POST', '/v1/files?name=a', { authorization: 'Bearer good', ...headers });
    await wire.write(frame(FRAME.headers, END_HEADERS, 1, headerBlock(fields)));
    await wire.write(frame(FRAME.data, 0, 1, body));
    return wire;
  };

  test.each([
    ['NO_ERROR', 0],
    ['INTERNAL_ERROR', 2],
    ['CANCEL', 8],
  ])('by a reset with the code %s', async (_, code) => {
    const { write, socket } = await begin('some bytes');
    await write(frame(FRAME.resetStream, 0, 1, uint32(code)));
    await expectNothingDelivered();
    socket.destroy();
  });

  test('by a closed connection', async () => {
    const { socket } = await begin('some bytes');
    socket.destroy();
    await expectNothingDelivered();
  });

  test('by a reset connection', async () => {
    const { socket } = await begin('some bytes');
    await seen;
    socket.resetAndDestroy();
    await expectNothingDelivered();
  });

  test('by a half-closed connection', async () => {
    const { socket } = await begin('some bytes');
    socket.end();
    await expectNothingDelivered();
    socket.destroy();
  });

  test('by GOAWAY and the end of the connection', async () => {
    const { write, socket } = await begin('some bytes');
    await write(frame(FRAME.goAway, 0, 0, Buffer.concat([uint32(0), uint32(0)])));
    socket.end();
    await expectNothingDelivered();
    socket.destroy();
  });

  test.each([
    ['short of its length', '11'],
    ['past its length', '9'],
  ])('%s', async (_, length) => {
    const { write, socket } = await begin('some ', { 'content-length': length });
    await write(frame(FRAME.data, END_STREAM, 1, 'bytes'));
    await expectNothingDelivered();
    socket.destroy();
  });

  test('in the middle of a form', async () => {
    const { write, socket } = await begin(FORM.slice(0, 500), { 'content-type': formType() });
    await write(frame(FRAME.data, END_STREAM, 1));
    await expectNothingDelivered();
    socket.destroy();
  });

  test('while a complete one is delivered', async () => {
    const { write, socket } = await begin('some ', { 'content-length': '10' });
    await write(frame(FRAME.data, END_STREAM, 1, 'bytes'));
    expect(await logged()).toContain('POST /v1/files 201');
    socket.destroy();
  });
});

describe.each(STREAMING_FORMS)('a disconnected caller, %s', (form) => {
  beforeEach(() => start(form));
  afterEach(() => entry.close());

  test('cancels the delivery whose bytes it had sent, since nobody will read the response', async () => {
    let signal: AbortSignal | undefined;
    entry.services.deliver = (delivery) => {
      signal = delivery.signal;
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('given up'))));
    };
    if (form === 'h2c') {
      const session = http2Connect(`http://127.0.0.1:${entry.port}`);
      const headers = { ':method': 'POST', ':path': '/v1/files?name=a', authorization: 'Bearer good' };
      session
        .request(headers)
        .on('error', () => undefined)
        .end('abc');
      while (signal === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
      session.destroy();
    } else {
      const { socket, write } = await openSocket(entry.port);
      await write('POST /?name=a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\nContent-Length: 3\r\n\r\nabc');
      while (signal === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
      socket.destroy();
    }
    expect(await logged()).toContain('"code":"body-truncated"');
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toBeInstanceOf(CourierError);
  });
});
