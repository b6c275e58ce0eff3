import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';

const PAGE = readFileSync(new URL('../../../docs/pubsub-and-buckets.md', import.meta.url), 'utf8');
const JQ = 'jq';
const hasJq = spawnSync(JQ, ['--version']).status === 0;
if (!hasJq) console.warn('SKIPPED: no jq here, so the redrive of docs/pubsub-and-buckets.md is not tried.');

/** The jq program from the page that turns pulled messages into a publish request. */
const program = /jq '(\{messages:.*?)' failed\.json/s.exec(PAGE)?.[1] ?? '';

(hasJq ? describe : describe.skip)('the redrive that docs/pubsub-and-buckets.md shows', () => {
  let google: LocalGoogle;
  beforeAll(async () => {
    google = await startLocalGoogle();
  });
  afterAll(() => google.close());

  test('republishes each dead letter as the original message', async () => {
    const why = { courierCode: 'name-taken', courierDetail: 'x', courierMessageId: '1', courierSubscription: 's' };
    // As `gcloud pubsub subscriptions pull --format=json` prints it.
    const pulled = [
      {
        ackId: 'a',
        message: { data: Buffer.from([0, 255]).toString('base64'), attributes: { name: 'a', ...why }, messageId: '9' },
      },
      { ackId: 'b', message: { attributes: { name: 'empty', ...why }, messageId: '10', orderingKey: 'k' } },
      {
        ackId: 'c',
        message: { data: 'e30=', attributes: { CloudPubSubDeadLetterSourceDeliveryCount: '20' }, messageId: '11' },
      },
    ];
    const { stdout, stderr } = spawnSync(JQ, [program], { input: JSON.stringify(pulled), encoding: 'utf8' });
    expect(stderr).toBe('');
    const token = google.world.accessToken(google.world.emails.runtime, ['https://www.googleapis.com/auth/pubsub']);
    const answer = await fetch(`${google.origin}/pubsub.googleapis.com/v1/${google.topic}:publish`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: stdout,
    });
    expect(answer.status).toBe(200);
    expect(google.pubsub.published).toMatchObject([
      { data: Buffer.from([0, 255]), attributes: { name: 'a' }, orderingKey: undefined },
      { data: Buffer.alloc(0), attributes: { name: 'empty' }, orderingKey: 'k' },
      { data: Buffer.from('{}'), attributes: {} },
    ]);
    expect(Object.keys(google.pubsub.published[0]?.attributes ?? {})).toEqual(['name']);
    expect(google.pubsub.published[2]?.attributes).toEqual({});
  });
});

test('dead letters are acknowledged only after they have been republished', () => {
  expect(PAGE).toMatch(/topics\/exports:publish &&\n +gcloud pubsub subscriptions ack /);
});
