import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { enterCloudRun, type RunningCourier, startCourier } from '../support/courier/running-courier.ts';

/** Compares the Drive quota costs in docs/operating.md with audit lines and with the calls that Drive received. */

const PAGE = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8');
const MEBIBYTE = 1024 * 1024;
/** https://developers.google.com/workspace/drive/api/guides/limits */
const UNITS_A_MINUTE = 325_000;

let google: LocalGoogle;
let courier: RunningCourier;
let leave: () => void;
beforeAll(async () => {
  google = await startLocalGoogle();
  leave = enterCloudRun(google);
  courier = await startCourier(google);
  // Fetches the ids that later deliveries use.
  await put('first.csv', '', 1);
});
afterAll(async () => {
  await courier.close();
  leave();
  await google.close();
});

const put = async (name: string, query: string, bytes: number, key?: string): Promise<void> => {
  const answer = await courier.ask(google.world.emails.exporter, `/v1/files?name=${name}${query}`, {
    method: 'POST',
    body: Buffer.alloc(bytes, 'x'),
    headers: { 'content-type': 'text/csv', ...(key === undefined ? {} : { 'idempotency-key': key }) },
  });
  expect([200, 201]).toContain(answer.status);
  await answer.text();
};

/** The requests and units in the newest audit line. */
const costOf = async (delivery: Promise<void>): Promise<[number, number]> => {
  await delivery;
  const line = courier.lines.findLast((each) => each.includes('"audit":')) ?? '';
  const { calls, units } = (JSON.parse(line) as { audit: { calls: number; units: number } }).audit;
  return [calls, units];
};

test('each row of the table states the cost of such a delivery', async () => {
  const rows = [...PAGE.matchAll(/^\| ([^|]+) \| (\d+) \| (\d+) \| ([^|]*)\|$/gm)].map(
    ([, what = '', requests, units, most = '']) => ({
      what,
      cost: [Number(requests), Number(units)],
      most: most.trim(),
    }),
  );
  const measured: [string, [number, number]][] = [
    ['a new file up to 5 MiB', await costOf(put('small.csv', '', 5 * MEBIBYTE))],
    ['a new file of 20 MiB', await costOf(put('large.csv', '', 20 * MEBIBYTE))],
    ['the first of its name with `onConflict=replace`', await costOf(put('again.csv', '&onConflict=replace', 9))],
    [
      'replacing a file that was replaced before',
      await put('again.csv', '&onConflict=replace', 8).then(() => costOf(put('again.csv', '&onConflict=replace', 7))),
    ],
    ['the first into `path=2026/11`', await costOf(put('deep.csv', '&path=2026/11', 1))],
    [
      'replayed by its Idempotency-Key',
      await put('keyed.csv', '', 1, 'k1').then(() => costOf(put('keyed.csv', '', 1, 'k1'))),
    ],
  ];
  expect(Object.fromEntries(rows.map(({ what, cost }) => [what, cost]))).toEqual(Object.fromEntries(measured));
  for (const { cost, most } of rows.filter((row) => row.most !== '')) {
    const stated = Number(most.replace(/\D/g, ''));
    expect(Math.floor(UNITS_A_MINUTE / (cost[1] ?? 0) / 100) * 100).toBe(stated);
  }
}, 60_000);
