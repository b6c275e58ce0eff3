import { once } from 'node:events';
import { connect as http2Connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createCutOff } from '../../src/http/request-context.ts';
import { type Entry, startEntry } from '../support/http/http-forms.ts';
import { openSocket } from '../support/http/raw-socket.ts';

let entry: Entry;
afterEach(() => entry.close());

const HEAD = 'POST /v1/files?name=a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n';

/** Deliveries wait for the gate. Returns the number that have arrived. */
const gated = (): { open(): void; held(): number } => {
  const { deliver } = entry.services;
  let held = 0;
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  entry.services.deliver = async (delivery) => {
    held += 1;
    await gate;
    return deliver(delivery);
  };
  return { open, held: () => held };
};
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(5);
};

describe('a server that gets SIGTERM', () => {
  test('finishes the requests in progress, then closes their connections, and accepts no new ones', async () => {
    entry = await startEntry('HTTP/1.1');
    const { open, held } = gated();
    const [busy, idle, silent] = [
      await openSocket(entry.port),
      await openSocket(entry.port),
      await openSocket(entry.port),
    ];
    await idle.write('GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n');
    await idle.until(/"ok":true/);
    await busy.write(`${HEAD}Content-Length: 4\r\n\r\nab`);
    await until(() => held() === 1);

    let stopped = false;
    const stop = entry.stop().then(() => {
      stopped = true;
    });
    const closed = Promise.all([idle.ended, silent.ended]).then(() => 'closed');
    // Their own time limits are 620 and 15 seconds.
    expect(await Promise.race([closed, sleep(8_000, 'still open', { ref: false })])).toBe('closed');
    await expect(openSocket(entry.port)).rejects.toThrow();
    expect(stopped).toBe(false);

    await busy.write('cd');
    open();
    expect(await busy.until(/\r\n\r\n\{.*\}/)).toMatch(/^HTTP\/1\.1 201 .*connection: close\r\n/is);
    await busy.ended;
    busy.socket.end();
    await stop;
    expect(entry.services.delivered.map(({ bytes }) => bytes.toString())).toEqual(['abcd']);
  });

  test('does the same over h2c', async () => {
    entry = await startEntry('h2c');
    const { open, held } = gated();
    const session = http2Connect(`http://127.0.0.1:${entry.port}`);
    const stream = session.request({ ':method': 'POST', ':path': '/?name=a', authorization: 'Bearer good' });
    stream.write('ab');
    await until(() => held() === 1);
    const stop = entry.stop();
    await once(session, 'goaway');
    stream.end('cd');
    open();
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(201);
    stream.resume();
    await stop;
    expect(entry.services.delivered).toHaveLength(1);
  });

  test('tells callers that reuse an old connection to reconnect', async () => {
    let stopping = false;
    entry = await startEntry('HTTP/1.1', { services: { stopping: () => stopping } });
    const { write, until: answered, ended } = await openSocket(entry.port);
    await write(`${HEAD}Content-Length: 2\r\n\r\nab`);
    await answered(/201 Created/);
    stopping = true;
    await write(`${HEAD}Content-Length: 2\r\n\r\nab`);
    const text = await answered(/503 .*\}$/s);
    expect(text).toContain('"code":"shutting-down"');
    expect(text.slice(text.indexOf(' 503 '))).toMatch(/connection: close/i);
    await ended;
    expect(entry.services.delivered).toHaveLength(1);
  });

  test.each(['HTTP/1.1', 'h2c'] as const)('returns 503 for requests that it must cut off, %s', async (form) => {
    const { onCutOff, cutOff } = createCutOff();
    entry = await startEntry(form, { lifecycle: { cutOff: { onCutOff } } });
    let held = 0;
    entry.services.deliver = ({ signal }) => {
      held += 1;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))));
    };
    const sent = entry.send({ target: '/v1/files?name=a', body: 'abc' });
    await until(() => held === 1);
    const stop = entry.stop();
    cutOff();
    const { status, json, headers } = await sent;
    expect([status, json.code, headers['retry-after']]).toEqual([503, 'shutting-down', '1']);
    await stop;
    expect(entry.services.delivered).toEqual([]);
  });
});
