import { expect } from '@jest/globals';
import type { LocalGoogle } from '../../local/google/server.ts';
import { seedSales } from '../support/rows/query-tables.ts';
import { type RunningCourier, startCourier } from '../support/courier/running-courier.ts';

/** Starts a courier with a query. */
export const startMonitored = async (google: LocalGoogle): Promise<RunningCourier> => {
  await seedSales(google);
  const sql = 'SELECT shop FROM sales.daily';
  const daily = { sql, location: 'EU', callers: [google.world.emails.exporter], destinations: ['reports'] };
  return startCourier(google, { document: { queries: { daily } } });
};

/**
 * Sends a courier everything that is monitored: deliveries that succeed and that fail by set-up or an unexpected error, a
 * dead-lettered message, and a query.
 */
export const deliverEverything = async (google: LocalGoogle, courier: RunningCourier): Promise<void> => {
  const { exporter, pubsubPush } = google.world.emails;
  const put = (name: string) =>
    courier.ask(exporter, `/v1/files?name=${name}`, {
      method: 'POST',
      body: 'a,b\r\n',
      headers: { 'content-type': 'text/csv', 'x-cloud-trace-context': '105445aa7843bc8bf206b12000100000/1;o=1' },
    });
  const failing = async (status: number, reason: string, name: string): Promise<number> => {
    google.faults.add({ host: 'www.googleapis.com', path: '/upload/*', fault: { kind: 'status', status, reason } });
    const { status: answered } = await put(name);
    google.faults.clear();
    return answered;
  };

  expect((await put('good.csv')).status).toBe(201);
  expect(await failing(403, 'storageQuotaExceeded', 'full.csv')).toBe(502);
  expect(await failing(400, 'badRequest', 'odd.csv')).toBe(500);
  const message = { messageId: '1', publishTime: new Date().toISOString(), data: Buffer.from('{}').toString('base64') };
  const push = await courier.ask(pubsubPush, '/v1/pubsub', {
    method: 'POST',
    body: JSON.stringify({ message, subscription: courier.subscription }),
    headers: { 'content-type': 'application/json' },
  });
  expect(push.status).toBe(204);
  const query = await courier.ask(exporter, '/v1/exports', {
    method: 'POST',
    body: JSON.stringify({ name: 'sales.csv', source: { bigquery: { query: 'daily' } } }),
    headers: { 'content-type': 'application/json' },
  });
  expect(query.status).toBe(201);
};
