import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { formOf, formType } from '../../support/http/form-bodies.ts';
import { type Answer, type Entry, startEntry } from '../../support/http/http-forms.ts';

/** Bytes, not a string: with a string, Node would write the headers before it as UTF-8, too. */
const BYTES = Buffer.from('x');

const latin1 = (...bytes: number[]): string => Buffer.from(bytes).toString('latin1');
/** "보고서.csv" in EUC-KR, "报告.csv" in GBK, "отчёт.csv" in windows-1251, "表.csv" in Shift_JIS, "é.csv" in Latin-1. */
const NATIONAL = {
  'EUC-KR': latin1(0xba, 0xb8, 0xb0, 0xed, 0xbc, 0xad),
  GBK: latin1(0xb1, 0xa8, 0xb8, 0xe6),
  'windows-1251': latin1(0xee, 0xf2, 0xf7, 0xb8, 0xf2),
  Shift_JIS: latin1(0x95, 0x5c),
  'ISO-8859-1': latin1(0xe9),
};

/** Parameters of Content-Disposition, as Latin-1 bytes, and the name that they mean. */
const MEANT: [string, string][] = [
  ['filename="=?utf-8?B?w7xiZXJzaWNodC5jc3Y=?="', 'übersicht.csv'],
  ['filename="=?UTF-8?Q?=C3=BCber_sicht=2Ecsv?="', 'über sicht.csv'],
  ['filename==?utf-8?B?w7xiZXI=?=', 'über'],
  ['filename="=?utf-8?B?w7w=?= =?utf-8?B?YmVyLmNzdg==?="', 'über.csv'],
  ['filename="=?utf-8?B?w7w=?=\t =?utf-8?Q?ber?=.csv"', 'über.csv'],
  ['filename="=?utf-8?B?ww==?= =?utf-8?B?vGJlci5jc3Y=?="', 'über.csv'],
  ['filename="=?iso-8859-1?Q?=FCber.csv?="', 'über.csv'],
  ['filename="=?EUC-KR?B?urjAuw==?="', '보을'],
  ['filename="=?utf-8*de?Q?=C3=BC?="', 'ü'],
  ['filename="Bericht =?utf-8?Q?=C3=BC?= 1.csv"', 'Bericht ü 1.csv'],
  ['filename="%C3%A4%20b%25.csv"', 'ä b%.csv'],
  ['filename="100%25.csv"', '100%25.csv'],
  ['filename="a%20b.csv"', 'a%20b.csv'],
  ['filename="100% %C3%A4.csv"', '100% %C3%A4.csv'],
  ['filename="%E4.csv"', '%E4.csv'],
  ['filename="=?x.csv"', '=?x.csv'],
  ['filename="=?a?X?b?="', '=?a?X?b?='],
  ["filename*=utf-8''na%C3%AFve.csv", 'naïve.csv'],
  ["filename*=EUC-KR''%BA%B8%B0%ED%BC%AD.csv", '보고서.csv'],
  ["filename*=windows-1251'ru'%EE%F2%F7%B8%F2.csv", 'отчёт.csv'],
  ["filename*=Shift_JIS''%95%5C.csv", '表.csv'],
  ["filename*=iso-8859-1''%E9.csv", 'é.csv'],
  ['filename*="UTF-8\'\'%C3%A9.csv"', 'é.csv'],
  [`filename="${NATIONAL.GBK}.csv"; filename*=UTF-8''%C3%A9.csv`, 'é.csv'],
  ['filename*0="long "; filename*1="name.csv"', 'long name.csv'],
  ["filename*0*=utf-8''%C3; filename*1*=%A9; filename*2=.csv", 'é.csv'],
  [`filename="${Buffer.from('日本 ü.csv').toString('latin1')}"`, '日本 ü.csv'],
];

const REFUSED: string[] = [
  ...Object.values(NATIONAL).map((bytes) => `filename="${bytes}.csv"`),
  `filename="${NATIONAL.Shift_JIS}"`,
  'filename="=?utf-8?B?/w==?="',
  'filename="=?x-unknown?B?YQ==?="',
  'filename="=?utf-8?Q?=C?="',
  "filename*=utf-8''%FF",
  "filename*=x-unknown''a",
  'filename*=a.csv',
  'filename*1="b"',
];

describe.each(['HTTP/1.1', 'h2c'] as const)('the name of a file, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form);
  });
  afterAll(() => entry.close());

  const inRequest = (parameters: string): Promise<Answer> =>
    entry.send({ target: '/v1/files', headers: { 'content-disposition': `attachment; ${parameters}` }, body: [BYTES] });
  const inForm = (parameters: string): Promise<Answer> => {
    const line = Buffer.from(
      `--b\r\nContent-Disposition: form-data; name="f"; ${parameters}\r\n\r\nx\r\n--b--\r\n`,
      'latin1',
    );
    return entry.send({ target: '/v1/files', headers: { 'content-type': formType('b') }, body: line });
  };

  test.each(MEANT)('%j is read as %j', async (parameters, name) => {
    for (const send of [inRequest, inForm]) {
      const { status, json } = await send(parameters);
      expect([status, json.name ?? json.detail]).toEqual([201, name]);
    }
  });

  test.each(REFUSED)('%j cannot be decoded, and the response explains how to send it', async (parameters) => {
    for (const send of [inRequest, inForm]) {
      const { status, json } = await send(parameters);
      expect([status, json.code]).toEqual([400, 'request-invalid']);
      if (!parameters.startsWith('filename*')) expect(json.remedy).toContain('?name=');
    }
  });

  test('in the query and in fields the name is used as written', async () => {
    for (const name of ['=?utf-8?Q?=C3=BC?=', '%C3%A4.csv', '100%25.csv']) {
      const target = `/v1/files?name=${encodeURIComponent(name)}`;
      expect((await entry.send({ target, body: 'x' })).json.name).toBe(name);
      const body = formOf([
        { name: 'name', value: name },
        { name: 'f', fileName: 'f', value: 'x' },
      ]);
      const headers = { 'content-type': formType() };
      expect((await entry.send({ target: '/v1/files', headers, body })).json.name).toBe(name);
    }
    const { status, json } = await entry.send({ target: '/v1/files?name=%BA%B8.csv', body: 'x' });
    expect([status, json.code]).toEqual([400, 'request-invalid']);
  });

  test.each([
    ['iso-8859-1', [0xfc], 'ü'],
    ['windows-1251', [0xee], 'о'],
    ['UTF-8', [0xc3, 0xbc], 'ü'],
  ])('a field that declares %s is decoded accordingly', async (charset, bytes, name) => {
    const body = formOf([
      { name: 'name', type: `text/plain; charset=${charset}`, value: Buffer.from(bytes) },
      { name: 'f', fileName: 'f', value: 'x' },
    ]);
    expect((await entry.send({ target: '/v1/files', headers: { 'content-type': formType() }, body })).json.name).toBe(
      name,
    );
  });
});
