import { connect as http2Connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { SUBSCRIPTION } from '../../local/google/world/names.ts';
import { AUDIENCE, startCourierIn } from '../support/courier/courier-in-world.ts';
import { openSocket, type RawSocket } from '../support/http/raw-socket.ts';

const MAX_UPLOADS = 4;

interface SlowUpload {
  /** The status and code of the response, once it has arrived. */
  answer: Promise<string>;
  /** Sends a part of the body. */
  write(bytes: string | Uint8Array): void;
  close(): void;
}

interface SlowRequest {
  target: string;
  token: string;
  type: string;
  /** The announced length. */
  length?: number;
}

const codeIn = (text: string): string => /"code":"([\w-]+)"/.exec(text)?.[1] ?? '';

const beginHttp1 = async (
  port: number,
  { target, token, type, length = 1_000_000 }: SlowRequest,
): Promise<SlowUpload> => {
  const wire: RawSocket = await openSocket(port);
  const lines = [`Authorization: Bearer ${token}`, `Content-Type: ${type}`, `Content-Length: ${length}`];
  await wire.write([`POST ${target} HTTP/1.1`, 'Host: courier', ...lines, '', ''].join('\r\n'));
  return {
    answer: wire
      .until(/\r\n\r\n\{.*\}/s)
      .then((text) => `${/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]} ${codeIn(text)}`)
      .catch(() => 'closed'),
    write: (bytes) => void wire.socket.write(bytes),
    close: () => wire.socket.destroy(),
  };
};

const beginHttp2 = async (
  port: number,
  { target, token, type, length = 1_000_000 }: SlowRequest,
): Promise<SlowUpload> => {
  const session = http2Connect(`http://127.0.0.1:${port}`).on('error', () => undefined);
  const stream = session.request({
    ':method': 'POST',
    ':path': target,
    authorization: `Bearer ${token}`,
    'content-type': type,
    'content-length': length,
  });
  let status = '';
  let text = '';
  const answer = new Promise<string>((resolve) => {
    stream
      .on('response', (headers) => {
        status = String(headers[':status']);
      })
      .on('data', (piece: Buffer) => {
        text += piece.toString();
        if (text.endsWith('}')) resolve(`${status} ${codeIn(text)}`);
      })
      .on('error', () => undefined);
  });
  return { answer, write: (bytes) => void stream.write(bytes), close: () => session.destroy() };
};

const FORMS = [
  ['HTTP/1.1', 'service', beginHttp1],
  ['h2c', 'service', beginHttp2],
  ['function', 'courier', beginHttp1],
] as const;

describe.each(FORMS)('%s', (_, form, begin) => {
  let google: LocalGoogle;
  let courier: CourierProcess;
  let port: number;
  let [owner, other, stranger] = ['', '', ''];
  beforeAll(async () => {
    google = await startLocalGoogle();
    const { emails, keyFiles } = google.world;
    const folder = google.places.sharedDriveFolder;
    courier = await startCourierIn(google, {
      form,
      config: {
        destinations: {
          reports: { folder, credentials: 'main', callers: [emails.exporter, emails.ops] },
          secret: { folder, credentials: 'main', callers: [emails.ops] },
        },
        credentials: { main: { file: keyFiles.courier } },
        pubsub: { subscriptions: { [SUBSCRIPTION]: { serviceAccount: emails.pubsubPush, destinations: ['reports'] } } },
        limits: { concurrentUploads: MAX_UPLOADS },
      },
      env: { LOG_LEVEL: 'info' },
    });
    port = Number(new URL(courier.url).port);
    [owner, other, stranger] = [emails.exporter, emails.ops, emails.stranger].map((email) =>
      google.world.idToken({ email, audience: AUDIENCE }),
    ) as [string, string, string];
  }, 60_000);
  afterAll(async () => {
    await courier?.stop();
    await google?.close();
  });

  const deliver = async (token: string): Promise<string> => {
    const response = await fetch(`${courier.url}/v1/files?destination=reports&name=a`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, connection: 'close' },
      body: 'small',
    });
    return `${response.status} ${codeIn(await response.text())}`.trim();
  };

  const form1 = 'multipart/form-data; boundary=b';
  const json = 'application/json';
  const answeredWithoutBody: [string, string, string, string][] = [
    ['a file', '/v1/files?destination=reports&name=a', 'text/plain', '403 destination-forbidden'],
    ['a file for the default destination', '/v1/files?name=a', 'text/plain', '403 destination-forbidden'],
    ['a file at the short address', '/?name=a', 'text/plain', '403 destination-forbidden'],
    ['a form', '/v1/files', form1, '403 destination-forbidden'],
    ['a form with its destination in the query', '/?destination=reports', form1, '403 destination-forbidden'],
    ['an export', '/v1/exports', json, '403 destination-forbidden'],
    ['an upload', '/v1/uploads', json, '403 destination-forbidden'],
    ['the end of an upload', '/v1/uploads/abc/complete', json, '404 not-found'],
    ['a push', '/v1/pubsub', json, '403 caller-not-allowed'],
  ];

  test.each(answeredWithoutBody)(
    'a caller without any destination is rejected %s before any byte of its body arrives',
    async (_, target, type, expected) => {
      const slow = await begin(port, { target, type, token: stranger, length: 60_000 });
      expect(await Promise.race([slow.answer, sleep(5_000, 'no answer', { ref: false })])).toBe(expected);
      slow.close();
    },
  );

  test.each([
    ['a file', '/v1/files?destination=secret&name=a', 'text/plain'],
    ['a file that names none of its own', '/v1/files?destination=nowhere&name=a', 'text/plain'],
    ['a form', '/v1/files?destination=secret', form1],
  ])('a caller of another destination is rejected %s by the query, before its body', async (_, target, type) => {
    const slow = await begin(port, { target, type, token: owner });
    expect(await Promise.race([slow.answer, sleep(5_000, 'no answer', { ref: false })])).toBe(
      '403 destination-forbidden',
    );
    slow.close();
  });

  test('a form is rejected by the destination in its fields, before its file', async () => {
    const slow = await begin(port, { target: '/v1/files', type: form1, token: owner });
    const part = (name: string): string => `--b\r\nContent-Disposition: form-data; name="${name}"`;
    slow.write(`${part('destination')}\r\n\r\nsecret\r\n${part('file')}; filename="a"\r\n\r\nsome bytes`);
    expect(await Promise.race([slow.answer, sleep(5_000, 'no answer', { ref: false })])).toBe(
      '403 destination-forbidden',
    );
    slow.close();
  });

  test('the slow bodies of callers without a destination use no capacity of others', async () => {
    const asked = answeredWithoutBody.map(([, target, type]) => ({ target, type, token: stranger }));
    const slow = await Promise.all([...asked, ...asked, ...asked].map((one) => begin(port, one)));
    try {
      const answers = await Promise.all(Array.from({ length: MAX_UPLOADS }, () => deliver(owner)));
      expect(answers).toEqual(Array.from({ length: MAX_UPLOADS }, () => '201'));
    } finally {
      for (const { close } of slow) close();
    }
  });

  test('the slow bodies of one caller limit only that caller', async () => {
    const targets = [
      ['/v1/files?destination=reports&name=a', 'text/plain'],
      ['/v1/files', form1],
      ['/v1/exports', json],
      ['/v1/uploads', json],
    ] as const;
    for (const [target, type] of targets) {
      const begun: SlowUpload[] = [];
      const beginOne = async () => begun.push(await begin(port, { target, type, token: owner, length: 60_000 }));
      for (let n = 0; n < MAX_UPLOADS; n += 1) await beginOne();
      // They are in progress once the next one is rejected. One of them may have arrived while another delivery was in
      // its place.
      for (let tries = 0; tries < 30 && (await deliver(owner)) !== '429 busy'; tries += 1) {
        await sleep(50);
        await beginOne();
      }
      expect([target, await deliver(owner), await deliver(other)]).toEqual([target, '429 busy', '201']);
      for (const { close } of begun) close();
      for (let tries = 0; tries < 100 && (await deliver(owner)) !== '201'; tries += 1) await sleep(20);
      expect(await deliver(owner)).toBe('201');
    }
  });

  test('a request that is rejected before its body is still audited', () => {
    const refused = courier.lines.filter((line) => line.includes('delivery failed: destination-forbidden'));
    expect(refused.length).toBeGreaterThan(10);
  });
});
