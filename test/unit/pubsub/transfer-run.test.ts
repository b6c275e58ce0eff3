import { expect, test } from '@jest/globals';
import { readTransferRun } from '../../../src/pubsub/transfer-run.ts';

const RUN = {
  name: 'projects/1/locations/eu/transferConfigs/c/runs/r',
  state: 'SUCCEEDED',
  runTime: '2026-11-29T07:00:00Z',
  destinationDatasetId: 'd',
};
const dataOf = (params: object, more: object = {}) => Buffer.from(JSON.stringify({ ...RUN, params, ...more }));
const read = (data: Buffer) => readTransferRun(data, {}, 'own-project');
const template = (text: string) => ({ destination_table_name_template: text });

test('a long query, and what else is not needed, does not matter', async () => {
  const data = dataOf({ query: `SELECT "${'x'.repeat(1_000_000)}"`, ...template('t') }, { more: [{ name: 'other' }] });
  expect(await read(data)).toMatchObject({
    document: { fields: { idempotencyKey: RUN.name, source: { bigquery: { table: 'own-project.d.t' } } } },
  });
});

test('data that would hold up other requests, because they are deep, are refused', async () => {
  const depth = 2_000_000;
  const data = dataOf(template('t'), { more: 0 });
  const nested = Buffer.from(
    data.toString().replace('"more":0', () => `"more":${'['.repeat(depth)}${']'.repeat(depth)}`),
  );
  await expect(read(nested)).rejects.toMatchObject({ code: 'request-invalid' });
});

test.each([
  ['an unknown placeholder', template(`{${'d'.repeat(60_000)}}`)],
  ['an unknown time format', template(`{run_time|"${'y'.repeat(60_000)}%B"}`)],
  ['texts that are too long', template('t'.repeat(70_000))],
])('%s has a short error', async (_, params) => {
  const error = await read(dataOf(params)).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'request-invalid' });
  expect(String((error as { detail?: string }).detail).length).toBeLessThan(1_000);
});

test('a run with a name that no key can be is not exported', async () => {
  await expect(read(dataOf(template('t'), { name: 'r'.repeat(256) }))).rejects.toMatchObject({
    code: 'request-invalid',
  });
});
