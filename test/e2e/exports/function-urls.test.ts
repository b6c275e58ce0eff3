import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CourierProcess, startCourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { openSocket } from '../../support/http/raw-socket.ts';

/**
 * URLs that are not percent-encoded, as curl sends them, at the two functions. Node refuses them, and the courier explains how
 * to send them, as the service does (test/http/heads/request-heads.test.ts).
 */

const TIMEOUT_MS = 120_000;
const AUDIENCE = 'https://drive-courier.example';

const RAW: [string, string][] = [
  ['UTF-8 in the query', '/?name=Umsätze.csv'],
  ['UTF-8 in the path', '/v1/fülle?name=a'],
  ['an emoji in the query', '/?name=📊.csv'],
  ['a space in the query', '/?name=a b.csv'],
  ['a space in the path', '/v1/files /?name=a'],
  ['a control character in the query', '/?name=a\u0001b.csv'],
];

let google: LocalGoogle;
beforeAll(async () => {
  google = await startLocalGoogle();
}, TIMEOUT_MS);
afterAll(() => google?.close());

describe.each(['courier', 'courierEvent'] as const)('the function %s', (form) => {
  let courier: CourierProcess;
  beforeAll(async () => {
    const { world, places } = google;
    const { exporter } = world.emails;
    courier = await startCourierProcess({
      form,
      env: {
        COURIER_CONFIG: JSON.stringify({
          audiences: [AUDIENCE],
          destinations: { reports: { folder: places.sharedDriveFolder, credentials: 'main', callers: [exporter] } },
          credentials: { main: { file: world.keyFiles.courier } },
          pubsub: { eventDestinations: ['reports'] },
        }),
        COURIER_GOOGLE_ORIGIN: google.origin,
        GCE_METADATA_HOST: google.metadataHost,
        GOOGLE_CLOUD_PROJECT: world.project.id,
      },
    });
  }, TIMEOUT_MS);
  afterAll(() => courier?.kill());

  const event = {
    ...{ specversion: '1.0', id: '1', source: '//pubsub.googleapis.com/projects/p/topics/t' },
    type: 'google.cloud.pubsub.topic.v1.messagePublished',
    datacontenttype: 'application/json',
    data: {
      subscription: 'projects/p/subscriptions/s',
      message: {
        messageId: form,
        data: Buffer.from(JSON.stringify({ name: `${form}.csv`, source: { text: 'x' } })).toString('base64'),
      },
    },
  };
  const [contentType, body] =
    form === 'courier' ? ['text/csv', 'x'] : ['application/cloudevents+json', JSON.stringify(event)];

  /** Everything that a connection receives for one request line. */
  const ask = async (target: string): Promise<string> => {
    const { socket, write, received, ended } = await openSocket(Number(new URL(courier.url).port));
    const token = google.world.idToken({ email: google.world.emails.exporter, audience: AUDIENCE });
    await write(
      [
        `POST ${target} HTTP/1.1`,
        ...['Host: a', 'Connection: close', `Authorization: Bearer ${token}`, `Content-Type: ${contentType}`],
        ...[`Content-Length: ${Buffer.byteLength(body)}`, '', body],
      ].join('\r\n'),
    );
    await ended;
    socket.destroy();
    return received().toString();
  };
  const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);

  test.each(RAW)('refuses %s with a remedy, stores nothing, and closes the connection', async (_, target) => {
    const before = google.drive.files().length;
    const [head = '', problem = ''] = (await ask(target)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/);
    expect(head).toMatch(/\r\nConnection: close$/);
    expect(JSON.parse(problem)).toMatchObject({
      ...{ code: 'request-invalid', status: 400 },
      remedy: expect.stringContaining('Percent-encode'),
    });
    expect(google.drive.files()).toHaveLength(before);
  });

  test(
    'accepts the same request with an encoded URL afterwards',
    async () => {
      const name = form === 'courier' ? 'Umsätze 📊.csv' : 'courierEvent.csv';
      const answer = await ask(`/?name=${encodeURIComponent(name)}`);
      expect(answer).toMatch(form === 'courier' ? /^HTTP\/1\.1 201 / : /^HTTP\/1\.1 204 /);
      expect(filesNamed(name)).toMatchObject([{ size: 1 }]);
    },
    TIMEOUT_MS,
  );
});
