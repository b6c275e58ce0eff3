import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pushMessage } from '../../../local/demo/push.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { formOf, formType } from '../../support/http/form-bodies.ts';
import { AUDIENCE, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

let google: LocalGoogle;
let courier: RunningCourier;
beforeAll(async () => {
  google = await startLocalGoogle();
  courier = await startCourier(google, { onCloudRun: true });
}, 60_000);
afterAll(async () => {
  await courier?.close();
  await google?.close();
});

const CSV = { 'content-type': 'text/csv' };
const SHEET = { convertTo: 'sheet', onConflict: 'append' };

const post = async (path: string, body: string, headers: Record<string, string>) => {
  const { exporter } = google.world.emails;
  const response = await courier.ask(exporter, path, { method: 'POST', headers, body });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
};
const append = (options: Record<string, string>, csv: string, headers: Record<string, string> = {}) =>
  post(`/v1/files?${new URLSearchParams({ ...SHEET, ...options })}`, csv, { ...CSV, ...headers });
const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);
const rowsOf = (name: string, tab?: string) => google.sheets.rowsOf(filesNamed(name)[0]?.id ?? '', tab);

describe('rows for a sheet', () => {
  test('in a body have a receipt with their range, and the same key gets the same one', async () => {
    const send = () => append({ name: 'query', tab: 'May' }, 'id,name\n1,a\n2,=1+1\n', { 'idempotency-key': 'q-1' });
    const first = await send();
    const { id } = first.json;
    const sheet = { spreadsheetId: id, tab: 'May', range: 'May!A2:B3', rows: 2, columnsAdded: [] };
    expect(first).toMatchObject({ status: 201, json: { outcome: 'created', name: 'query', size: 19, sheet } });
    const again = await send();
    expect(again).toMatchObject({ status: 200, json: { id, outcome: 'replayed', sheet } });
    expect(again.json.webViewLink).toBe(first.json.webViewLink);
    const more = await append({ name: 'query', tab: 'May', columns: 'extend' }, 'extra,id\nx,3\n');
    expect(more).toMatchObject({ json: { id, outcome: 'replaced', sheet: { columnsAdded: ['extra'], rows: 1 } } });
    expect(rowsOf('query', 'May')).toEqual([
      ['id', 'name', 'extra'],
      [1, 'a'],
      [2, '=1+1'],
      [3, '', 'x'],
    ]);
    expect(filesNamed('query')).toHaveLength(1);
  });

  test('in a form', async () => {
    const fields = Object.entries({ ...SHEET, name: 'form', tab: 'June' }).map(([name, value]) => ({ name, value }));
    const file = { name: 'file', fileName: 'rows.csv', type: 'text/csv', value: 'a\n1\n' };
    const { status, json } = await post('/v1/files', formOf([...fields, file]).toString(), {
      'content-type': formType(),
    });
    expect([status, json.sheet]).toMatchObject([201, { range: 'June!A2', rows: 1 }]);
  });

  test('in an export document keep the types of JSON', async () => {
    const document = {
      ...SHEET,
      name: 'document',
      source: {
        rows: [
          { a: '007', b: 1.5 },
          { b: true, c: '=x' },
        ],
      },
    };
    const { status, json } = await post('/v1/exports', JSON.stringify(document), {
      'content-type': 'application/json',
    });
    expect([status, json.sheet]).toMatchObject([201, { range: 'Sheet1!A2:C3', rows: 2 }]);
    expect(rowsOf('document')).toEqual([
      ['a', 'b', 'c'],
      ['007', 1.5],
      ['', true, '=x'],
    ]);
  });

  test('in a message of Pub/Sub whose attributes are the options; a redelivery appends nothing', async () => {
    const push = () =>
      pushMessage(google, {
        ...{ url: courier.url, audience: AUDIENCE, subscription: courier.subscription },
        serviceAccount: google.world.emails.pubsubPush,
        message: {
          messageId: 'rows-1',
          data: Buffer.from('a,day\n1,2026-11-24\n').toString('base64'),
          attributes: { ...SHEET, name: 'pushed.csv', tab: 'Log', dates: 'true' },
        },
      });
    expect([await push(), await push()]).toEqual([204, 204]);
    expect(rowsOf('pushed.csv', 'Log')).toEqual([
      ['a', 'day'],
      [1, 46350],
    ]);
  });

  test('replace the values of one tab', async () => {
    const replace = (csv: string, options: Record<string, string> = {}) =>
      append({ name: 'replaced', onConflict: 'replace', ...options }, csv);
    const first = await replace('a\n1\n');
    expect(first).toMatchObject({ status: 201, json: { sheet: { range: 'Sheet1!A2' } } });
    const second = await replace('b\n2\n', { tab: 'Other', dates: 'true' });
    expect(second).toMatchObject({ status: 200, json: { id: first.json.id, outcome: 'replaced' } });
    expect(await replace('c\n3\n')).toMatchObject({ status: 200, json: { id: first.json.id } });
    const document = { ...SHEET, name: 'replaced', onConflict: 'replace', source: { rows: [{ a: '=1' }] } };
    await post('/v1/exports', JSON.stringify(document), { 'content-type': 'application/json' });
    expect([rowsOf('replaced'), rowsOf('replaced', 'Other')]).toEqual([
      [['a'], ['=1']],
      [['b'], [2]],
    ]);
    const refused = { status: 400, json: { code: 'request-invalid' } };
    expect(await replace('a\n1\n', { columns: 'strict' })).toMatchObject(refused);
  });

  test('are refused, and nothing is made, if the options do not go together', async () => {
    const refused = { status: 400, json: { code: 'request-invalid' } };
    const plain = (options: Record<string, string>) =>
      post(`/v1/files?${new URLSearchParams({ name: 'refused', ...options })}`, 'a\n1\n', CSV);
    expect(await plain({ onConflict: 'append' })).toMatchObject(refused);
    expect(await plain({ onConflict: 'append', convertTo: 'doc' })).toMatchObject(refused);
    expect(await plain({ convertTo: 'sheet', tab: 'x' })).toMatchObject(refused);
    expect(await plain({ ...SHEET, columns: 'some' })).toMatchObject(refused);
    expect(await plain({ ...SHEET, tab: '' })).toMatchObject(refused);
    expect(await plain({ ...SHEET, rollover: 'daily' })).toMatchObject(refused);
    expect(filesNamed('refused')).toEqual([]);
  });

  test('of another kind of file, or for other columns with "strict", are refused', async () => {
    const pdf = await append({ name: 'kinds' }, '%PDF-1.4', { 'content-type': 'application/pdf' });
    expect(pdf.json.code).toBe('conversion-refused');
    expect((await append({ name: 'kinds' }, 'a\n1\n')).status).toBe(201);
    const strict = await append({ name: 'kinds', columns: 'strict' }, 'b\n1\n');
    expect(strict).toMatchObject({ status: 502, json: { code: 'sheet-shape', reason: 'unknown-columns' } });
    const reused = { 'idempotency-key': 'kinds-1' };
    expect((await append({ name: 'kinds' }, 'a\n2\n', reused)).status).toBe(200);
    const other = await append({ name: 'kinds' }, 'a\n3\n', reused);
    expect(other.json.code).toBe('idempotency-key-reused');
    expect(rowsOf('kinds')).toEqual([['a'], [1], [2]]);
  });
});
