import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type CourierProcess, startCourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';

const TIMEOUT_MS = 120_000;

let google: LocalGoogle;
let courier: CourierProcess;
beforeAll(async () => {
  google = await startLocalGoogle();
  const { world, places } = google;
  const destination = { folder: places.sharedDriveFolder, credentials: 'main', callers: [world.emails.exporter] };
  courier = await startCourierProcess({
    form: 'courierEvent',
    env: {
      COURIER_CONFIG: JSON.stringify({
        audiences: ['https://drive-courier.example'],
        destinations: { reports: destination, other: destination },
        credentials: { main: { file: world.keyFiles.courier } },
        pubsub: {
          eventDestinations: ['reports'],
          eventSources: [`gs://${google.bucket}/in/`],
          deadLetterTopic: google.topic,
        },
      }),
      COURIER_GOOGLE_ORIGIN: google.origin,
      GCE_METADATA_HOST: google.metadataHost,
      GOOGLE_CLOUD_PROJECT: world.project.id,
    },
  });
}, TIMEOUT_MS);
afterAll(async () => {
  await courier?.kill();
  await google?.close();
});

const event = async (type: string, source: string, data: object): Promise<{ status: number; text: string }> => {
  const response = await fetch(courier.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-type': type,
      'ce-source': source,
    },
    body: JSON.stringify(data),
  });
  return { status: response.status, text: await response.text() };
};
const published = (messageId: string, document: object) =>
  event(
    'google.cloud.pubsub.topic.v1.messagePublished',
    '//pubsub.googleapis.com/projects/local-project/topics/exports',
    {
      message: { data: Buffer.from(JSON.stringify(document)).toString('base64'), messageId },
      subscription: 'projects/local-project/subscriptions/eventarc-exports-1',
    },
  );
const finalized = (name: string, generation: string) =>
  event('google.cloud.storage.object.v1.finalized', `//storage.googleapis.com/projects/_/buckets/${google.bucket}`, {
    bucket: google.bucket,
    name,
    generation,
  });
const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);

test('courierEvent under functions-framework exports published documents once', async () => {
  const document = { name: 'event.txt', source: { text: 'by event' } };
  expect((await published('1', document)).status).toBe(204);
  expect((await published('1', document)).status).toBe(204);
  expect(filesNamed('event.txt')).toMatchObject([{ size: 8 }]);
});

test('courierEvent exports a finalized object once', async () => {
  const { generation } = await google.storage.putObject(google.bucket, 'in/object.csv', 'a,b\r\n');
  expect((await finalized('in/object.csv', generation)).status).toBe(204);
  expect((await finalized('in/object.csv', generation)).status).toBe(204);
  expect(filesNamed('object.csv')).toMatchObject([{ size: 5 }]);
});

test('courierEvent writes only where events are allowed', async () => {
  expect((await published('2', { name: 'other.txt', destination: 'other', source: { text: '' } })).status).toBe(204);
  expect(filesNamed('other.txt')).toEqual([]);
  expect(google.pubsub.published.at(-1)?.attributes).toMatchObject({ courierCode: 'destination-forbidden' });
});

test('courierEvent fails if an event should be retried, and reveals only the code', async () => {
  const { status, text } = await finalized('in/not-there.csv', '1');
  expect([status, text]).toEqual([500, 'Internal Server Error']);
});

test('courierEvent delivers only the objects that events may export; others look like missing ones', async () => {
  const secret = await google.storage.putObject(google.bucket, 'finance/salaries.csv', 'a,b\r\n');
  google.calls.clear();
  const { status, text } = await finalized('finance/salaries.csv', secret.generation);
  expect([status, text]).toEqual([500, 'Internal Server Error']);
  const document = { name: 'salaries.csv', source: { gcs: `gs://${google.bucket}/finance/salaries.csv` } };
  expect(await published('3', document)).toEqual({ status, text });
  expect(google.calls.list({ host: 'storage.googleapis.com' })).toEqual([]);
  expect(filesNamed('salaries.csv')).toEqual([]);
});
