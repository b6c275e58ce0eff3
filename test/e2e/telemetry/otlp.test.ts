import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startCourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { startTelemetrySdk, type TelemetrySdk } from '../../../src/telemetry-sdk.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../../support/network/otlp-receiver.ts';
import { enterCloudRun, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const BYTES = Buffer.from('a,b\r\n1,2\r\n');
const HOUR_MS = 3_600_000;

let google: LocalGoogle;
let receiver: OtlpReceiver;
let sdk: TelemetrySdk;
let courier: RunningCourier;
let leave: () => void;

/** Three requests: one fails, one meets errors of Drive. Then the SDK is shut down, which sends everything. */
beforeAll(async () => {
  google = await startLocalGoogle();
  leave = enterCloudRun(google);
  receiver = await startOtlpReceiver();
  sdk = startTelemetrySdk({ endpoint: `${receiver.endpoint}/`, intervalMs: HOUR_MS });
  courier = await startCourier(google);
  const { exporter } = google.world.emails;
  const send = (name: string, traceparent: string) =>
    courier.ask(exporter, `/v1/files?name=${name}`, {
      method: 'POST',
      body: BYTES,
      headers: { 'content-type': 'text/csv', traceparent },
    });
  expect((await send('one.csv', `00-${TRACE}-${PARENT}-01`)).status).toBe(201);
  google.faults.add({
    host: 'www.googleapis.com',
    path: '/upload/*',
    nth: 1,
    fault: { kind: 'status', status: 503 },
  });
  expect((await send('two.csv', `00-${TRACE.replace('0', '1')}-${PARENT}-00`)).status).toBe(201);
  google.drive.unshare(google.places.sharedDrive, google.world.emails.courier);
  expect((await send('three.csv', `00-${TRACE.replace('0', '2')}-${PARENT}-01`)).status).toBe(502);
  await courier.close();
  await sdk.shutdown();
}, 60_000);

afterAll(async () => {
  leave();
  await receiver.close();
  await google.close();
});

test('each field of Cloud Logging is once in a line', () => {
  const traced = courier.lines.filter((line) => line.includes('"logging.googleapis.com/trace":'));
  // Of each request its own line, and the audit line of its delivery.
  expect(traced.length).toBeGreaterThanOrEqual(6);
  for (const line of traced) {
    for (const name of ['trace', 'spanId', 'trace_sampled', 'insertId', 'labels']) {
      expect(line.split(`"logging.googleapis.com/${name}":`).length - 1).toBeLessThanOrEqual(1);
    }
  }
});

const points = (name: string) => receiver.metrics.get(name)?.points ?? [];
const sumOf = (name: string, where: Record<string, unknown> = {}): number =>
  points(name)
    .filter(({ attributes }) => Object.entries(where).every(([key, value]) => attributes[key] === value))
    .reduce((sum, { value, count }) => sum + (value ?? count ?? 0), 0);

describe('metrics', () => {
  test('deliveries are counted by destination and outcome, failures by code', () => {
    expect(sumOf('courier.deliveries', { destination: 'reports', outcome: 'created' })).toBe(2);
    expect(sumOf('courier.deliveries', { outcome: 'failed', code: 'folder-not-found' })).toBe(1);
    expect(sumOf('courier.deliveries')).toBe(3);
  });

  test('bytes are counted only for successful deliveries', () => {
    expect(sumOf('courier.delivery.bytes', { destination: 'reports' })).toBe(2 * BYTES.length);
    expect(receiver.metrics.get('courier.delivery.bytes')?.unit).toBe('By');
  });

  test('durations are recorded by delivery and by step', () => {
    expect(sumOf('courier.delivery.duration')).toBe(3);
    expect(sumOf('courier.delivery.step.duration', { step: 'put' })).toBe(3);
    expect(sumOf('http.server.request.duration', { 'http.route': '/v1/files', 'http.response.status_code': 502 })).toBe(
      1,
    );
  });

  test('calls to Google are counted by operation and status, retries separately', () => {
    expect(sumOf('courier.google.calls', { operation: 'drive.files.create', status: 200 })).toBe(2);
    expect(sumOf('courier.google.calls', { operation: 'drive.files.create', status: 503 })).toBe(1);
    expect(sumOf('courier.google.retries', { operation: 'drive.files.create' })).toBe(1);
    expect(sumOf('courier.drive.units')).toBeGreaterThanOrEqual(3 * 50);
  });

  test('gauges show the buffer budget and the number of waiters', () => {
    expect(sumOf('courier.buffer.capacity')).toBeGreaterThan(0);
    expect(points('courier.buffer.used')).toMatchObject([{ value: 0 }]);
    expect(points('courier.uploads.waiting')).toMatchObject([{ value: 0 }]);
    expect(points('courier.account.uploaded')).toMatchObject([{ attributes: { credentials: 'main' } }]);
  });

  test('no attribute names a file, a caller or an id', () => {
    const exported = JSON.stringify([...receiver.metrics.values()]);
    expect(exported).not.toMatch(/one\.csv|exporter@|ya29|upload_id/);
  });

  test('the resource identifies the service', () => {
    expect(receiver.resource).toMatchObject({ 'service.name': 'drive-courier', 'service.version': expect.any(String) });
  });
});

describe('traces', () => {
  const spansOf = (traceId: string): ReceivedSpan[] => receiver.spans.filter((span) => span.traceId === traceId);
  const named = (spans: ReceivedSpan[], name: string): ReceivedSpan | undefined =>
    spans.find((span) => span.name === name);

  test('a request is a child span of its caller’s; steps are its children, and Google calls children of their step', () => {
    const spans = spansOf(TRACE);
    const request = named(spans, 'POST /v1/files');
    const put = named(spans, 'delivery put');
    const create = named(spans, 'drive.files.create');
    expect(request).toMatchObject({ parentSpanId: PARENT, kind: 2, attributes: { 'http.response.status_code': 201 } });
    expect(put?.parentSpanId).toBe(request?.spanId);
    expect(create).toMatchObject({
      parentSpanId: put?.spanId,
      kind: 3,
      attributes: { 'http.response.status_code': 200 },
    });
    expect(spans.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['delivery claim', 'delivery place', 'delivery share', 'delivery record']),
    );
  });

  test('an unsampled caller’s request is not traced', () => {
    expect(spansOf(TRACE.replace('0', '1'))).toEqual([]);
  });

  test('a failure is marked with only its code', () => {
    const spans = spansOf(TRACE.replace('0', '2'));
    expect(named(spans, 'POST /v1/files')).toMatchObject({
      status: 2,
      attributes: { 'http.response.status_code': 502 },
    });
    expect(named(spans, 'delivery put')).toMatchObject({ status: 2, attributes: { 'error.type': 'folder-not-found' } });
  });

  test('no span contains a file name, a caller or a secret', () => {
    expect(JSON.stringify(receiver.spans)).not.toMatch(/one\.csv|exporter@|ya29|upload_id|Bearer/);
  });
});

test('the service sends them to OTEL_EXPORTER_OTLP_ENDPOINT, and flushes the rest on shutdown', async () => {
  const other = await startOtlpReceiver();
  const { world, places } = google;
  const service = await startCourierProcess({
    env: {
      COURIER_AUDIENCES: 'https://courier.example',
      COURIER_CALLERS: world.emails.exporter,
      COURIER_FOLDER: places.sharedDriveFolder,
      COURIER_SECRET: `${world.secret}/versions/latest`,
      COURIER_GOOGLE_ORIGIN: google.origin,
      GCE_METADATA_HOST: google.metadataHost,
      OTEL_EXPORTER_OTLP_ENDPOINT: other.endpoint,
      OTEL_SERVICE_NAME: 'courier-of-reports',
    },
  });
  try {
    expect((await fetch(`${service.url}/v1/health`)).status).toBe(200);
    expect(await service.stop()).toBe(0);
    expect(other.metrics.get('http.server.request.duration')?.points).toMatchObject([
      { count: 1, attributes: { 'http.route': '/v1/health', 'http.response.status_code': 200 } },
    ]);
    expect(other.spans.map(({ name }) => name)).toContain('GET /v1/health');
    expect(other.resource).toMatchObject({ 'service.name': 'courier-of-reports' });
  } finally {
    await service.kill();
    await other.close();
  }
}, 90_000);
