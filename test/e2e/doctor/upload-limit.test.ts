import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { DoctorReport } from '../../../src/http/dependencies.ts';
import { enterCloudRun, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

let google: LocalGoogle;
let courier: RunningCourier;
let leave: () => void;
beforeAll(async () => {
  google = await startLocalGoogle();
  leave = enterCloudRun(google);
  courier = await startCourier(google);
}, 60_000);
afterAll(async () => {
  await courier?.close();
  leave?.();
  await google?.close();
});

test('the doctor warns before an account has reached the daily upload limit', async () => {
  const storage = async () => {
    const response = await courier.ask(google.world.emails.ops, '/v1/doctor');
    const report = (await response.json()) as DoctorReport;
    return report.destinations.reports?.checks.find(({ check }) => check === 'storage')?.result;
  };
  const open = (name: string) =>
    courier.ask(google.world.emails.exporter, '/v1/uploads', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': name },
      body: JSON.stringify({ name, mimeType: 'application/octet-stream', size: 350_000_000_000 }),
    });
  expect(await storage()).toBe('passed');
  expect((await open('one.bin')).status).toBe(201);
  expect((await open('one.bin')).status).toBe(201);
  expect(await storage()).toBe('passed');
  expect((await open('two.bin')).status).toBe(201);
  expect(await storage()).toBe('warned');
}, 60_000);
