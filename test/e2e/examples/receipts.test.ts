import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { createListening } from '../../support/network/listening.ts';
import { enterCloudRun, startCourier } from '../../support/courier/running-courier.ts';

const ROOT = join(import.meta.dirname, '../../..');
const TIMEOUT_MS = 60_000;

const listening = createListening();
let google: LocalGoogle;
/** Real messages of the receipt topic: of a created file, and of its replayed receipt. */
let messages: { data: string; attributes: Readonly<Record<string, string>> }[];

beforeAll(async () => {
  google = await startLocalGoogle();
  const leave = enterCloudRun(google);
  const courier = await startCourier(google, { document: { receiptTopic: google.topic } });
  const put = (): Promise<Response> =>
    courier.ask(google.world.emails.exporter, '/v1/files?name=Umsatz|*Nov*.csv&path=2026/11', {
      method: 'POST',
      body: 'a,b\r\n',
      headers: { 'content-type': 'text/csv', 'idempotency-key': 'one' },
    });
  expect([(await put()).status, (await put()).status]).toEqual([201, 200]);
  // Its end waits for the receipts.
  await courier.close();
  leave();
  messages = google.pubsub.published.map(({ data, attributes }) => ({ data: data.toString('base64'), attributes }));
}, TIMEOUT_MS);
afterAll(async () => {
  listening.close();
  await google.close();
});

const receiptIn = ({ data }: { data: string }): Record<string, string> =>
  JSON.parse(Buffer.from(data, 'base64').toString());

test('"is it there yet?" can be asked by the attributes of a receipt', () => {
  expect(messages.map(({ attributes }) => attributes)).toEqual(
    ['created', 'replayed'].map((outcome) => ({
      outcome,
      destination: 'reports',
      caller: google.world.emails.exporter,
      name: 'Umsatz|*Nov*.csv',
      path: '2026/11',
      mimeType: 'text/csv',
      fileId: expect.any(String),
      idempotencyKey: 'one',
    })),
  );
});

describe('the function that posts to Google Chat', () => {
  let process: ChildProcess;
  let url: string;
  const posted: string[] = [];
  let status = 200;

  beforeAll(async () => {
    const webhook = await listening.listen(async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      posted.push(JSON.parse(Buffer.concat(pieces).toString()).text);
      response.writeHead(status).end('{}');
    });
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const address = probe.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    probe.close();
    await once(probe, 'close');
    const framework = join(ROOT, 'node_modules/@google-cloud/functions-framework/build/src/main.js');
    const source = join(ROOT, 'examples/receipts/chat');
    process = spawn(
      globalThis.process.execPath,
      [framework, '--target=tellChat', `--source=${source}`, `--port=${port}`],
      {
        env: { ...globalThis.process.env, CHAT_WEBHOOK: `http://${webhook}/v1/spaces/x/messages?key=k` },
        stdio: 'ignore',
      },
    );
    url = `http://127.0.0.1:${port}/`;
    for (let tries = 0; tries < 100; tries++) {
      if (
        await fetch(url).then(
          () => true,
          () => false,
        )
      )
        return;
      await sleep(100);
    }
    throw new Error('the function does not start');
  }, TIMEOUT_MS);
  afterAll(() => void process?.kill());

  const push = async (message: { data: string } | undefined): Promise<number> => {
    posted.length = 0;
    const event = { message: { ...message, messageId: '1' }, subscription: 'projects/p/subscriptions/s' };
    const headers = {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-type': 'google.cloud.pubsub.topic.v1.messagePublished',
      'ce-source': '//pubsub.googleapis.com/projects/p/topics/t',
    };
    return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(event) })).status;
  };

  test('posts a new file, with a link, and without formatting in its name', async () => {
    const [created] = messages;
    expect(await push(created)).toBeLessThan(300);
    const { fileId } = receiptIn(created ?? { data: '' });
    expect(posted).toEqual([
      `<https://drive.google.com/open?id=${fileId}|Umsatz  Nov .csv> is created in reports, 2026/11`,
    ]);
  });

  test('posts nothing if nothing has changed', async () => {
    expect(await push(messages[1])).toBeLessThan(300);
    expect(posted).toEqual([]);
  });

  test.each([
    [503, false],
    [429, false],
    [404, true],
  ])('a webhook that answers %s: acknowledged is %s', async (answer, isAcknowledged) => {
    status = answer;
    expect((await push(messages[0])) < 300).toBe(isAcknowledged);
    status = 200;
  });
});

interface Step {
  next?: string;
  switch?: { condition: string; next: string }[];
  try?: { call: string; args: { url: string; headers: object; body: Record<string, unknown> } };
}

describe('the workflow that sends a mail', () => {
  const { main } = parse(readFileSync(join(ROOT, 'examples/receipts/mail.yaml'), 'utf8')) as {
    main: { params: string[]; steps: Record<string, Step>[] };
  };
  const steps = Object.fromEntries(main.steps.flatMap((step) => Object.entries(step)));

  test('has every step that it goes to, and takes the event', () => {
    const targets = Object.values(steps).flatMap((step) => [step.next, ...(step.switch ?? []).map(({ next }) => next)]);
    const known = [...Object.keys(steps), 'end', undefined];
    expect(targets.filter((target) => !known.includes(target))).toEqual([]);
    expect(main.params).toEqual(['event']);
  });

  test('reads members that a receipt has', () => {
    const named = [...JSON.stringify(main).matchAll(/\breceipt\.(\w+)/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(3);
    const receipt = receiptIn(messages[0] ?? { data: '' });
    expect(named.filter((name) => !Object.hasOwn(receipt, name))).toEqual([]);
  });

  test('posts what SendGrid takes, with the key of the secret', () => {
    const { args } = steps.send?.try ?? { args: undefined };
    // https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
    expect(args).toMatchObject({
      url: 'https://api.sendgrid.com/v3/mail/send',
      headers: { Authorization: expect.stringMatching(/^\$\{"Bearer " \+ sendgridKey\}$/) },
      body: {
        personalizations: [{ to: [{ email: expect.stringContaining('@') }] }],
        from: { email: expect.stringContaining('@') },
        subject: expect.any(String),
        content: [{ type: 'text/plain', value: expect.any(String) }],
      },
    });
  });

  test('has expressions that Workflows can read from YAML', () => {
    const texts: string[] = [];
    JSON.stringify(main, (_, value: unknown) => {
      if (typeof value === 'string' && /\$\{/.test(value)) texts.push(value);
      return value;
    });
    expect(texts.length).toBeGreaterThan(5);
    // Inside an expression ": " would end a plain YAML scalar, and " #" would begin a comment.
    for (const text of texts) expect(text).toMatch(/^\$\{[^{}]*\}$/);
  });
});
