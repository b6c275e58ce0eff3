import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AUDIENCE, startCourierIn } from '../../support/courier/courier-in-world.ts';

/** A key changes while the courier runs, with a cache that would otherwise outlive the test. */

const SUBSCRIPTION = 'projects/local-project/subscriptions/key-events';
const SECRET = 'drive-key';

let google: LocalGoogle;
let courier: CourierProcess;
beforeAll(async () => {
  google = await startLocalGoogle();
  const { emails, secret } = google.world;
  courier = await startCourierIn(google, {
    config: {
      destinations: { d: { folder: google.places.sharedDrive, credentials: 'main', callers: [emails.exporter] } },
      credentials: { main: { secret: `${secret}/versions/latest`, cacheSeconds: 86_400 } },
      pubsub: { subscriptions: { [SUBSCRIPTION]: { serviceAccount: emails.pubsubPush, destinations: ['d'] } } },
    },
  });
}, 60_000);
afterAll(async () => {
  await courier?.stop();
  await google?.close();
});

const ask = (path: string, email: string, init: RequestInit): Promise<Response> =>
  fetch(`${courier.url}${path}`, {
    method: 'POST',
    ...init,
    headers: { authorization: `Bearer ${google.world.idToken({ email, audience: AUDIENCE })}`, ...init.headers },
  });

let count = 0;
/** A delivery's status or its code. */
const deliver = async (): Promise<number | string> => {
  const name = `rotation-${++count}.txt`;
  const response = await ask(`/v1/files?name=${name}`, google.world.emails.exporter, {
    headers: { 'content-type': 'text/plain' },
    body: 'x',
  });
  const { code } = (await response.json()) as { code?: string };
  return code ?? response.status;
};
const secretReads = (): number =>
  google.calls.count({ host: 'secretmanager.googleapis.com', path: /\/drive-key\/versions\/latest:access$/ });

test('if Google rejects the key, the new version is read at once and no caller notices', async () => {
  const { courier: email } = google.world.emails;
  expect([await deliver(), secretReads()]).toEqual([201, 1]);
  const old = google.world.keyFile(email).private_key_id;
  const next = await google.world.addKey(email);
  google.world.secrets.addVersion(SECRET, Buffer.from(JSON.stringify(next)));
  google.world.deleteKey(email, old);
  // The key's tokens become invalid with it, and so do all others.
  google.world.expireAccessTokens();
  // One more for the courier's own token, which became invalid too.
  expect([await deliver(), secretReads()]).toEqual([201, 3]);
}, 60_000);

test('after Secret Manager announces a new version, the next delivery uses it and the old key’s token is dropped', async () => {
  const before = secretReads();
  const version = google.world.secrets.addVersion(SECRET, readFileSync(google.world.keyFiles.stranger ?? ''));
  expect([await deliver(), secretReads()]).toEqual([201, before]);
  const response = await ask('/v1/pubsub', google.world.emails.pubsubPush, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      subscription: SUBSCRIPTION,
      message: {
        messageId: '1',
        message_id: '1',
        publishTime: new Date().toISOString(),
        // https://cloud.google.com/secret-manager/docs/event-notifications#events
        attributes: {
          eventType: 'SECRET_VERSION_ADD',
          dataFormat: 'JSON_API_V1',
          secretId: `projects/${google.world.project.number}/secrets/${SECRET}`,
          versionId: `projects/${google.world.project.number}/secrets/${SECRET}/versions/${version}`,
        },
        data: Buffer.from('{}').toString('base64'),
      },
    }),
  });
  expect(response.status).toBe(204);
  // The stranger has no access to this Drive.
  expect([await deliver(), secretReads()]).toEqual(['folder-not-found', before + 1]);
}, 60_000);
