import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { formOf, formType } from '../../support/http/form-bodies.ts';
import { type Call, type Entry, FORMS, startEntry } from '../../support/http/http-forms.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');

describe.each(FORMS)('the options of a delivery, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form);
  });
  afterAll(() => entry.close());

  const post = (query: string, call: Call = {}) => entry.send({ target: `/v1/files?${query}`, body: 'abc', ...call });
  const lastOptions = () => entry.services.delivered.at(-1)?.delivery.options;
  /** The same options in the query, as form fields and as JSON. */
  const ways: [
    string,
    (options: Record<string, string>) => Promise<{ status: number; json: Record<string, unknown> }>,
  ][] = [
    ['in the query', (options) => post(new URLSearchParams(options).toString())],
    [
      'in a form',
      (options) =>
        entry.send({
          target: '/v1/files',
          headers: { 'content-type': formType() },
          body: formOf([
            ...Object.entries(options).map(([name, value]) => ({ name, value })),
            { name: 'file', fileName: 'from-the-file', value: 'abc' },
          ]),
        }),
    ],
  ];

  describe.each(ways)('%s', (_, send) => {
    test.each([
      ['an apostrophe', "it's.csv"],
      ['emoji', '👩‍👩‍👧 📊.csv'],
      ['right-to-left marks', '\u202egpj.\u200f.csv'],
      ['a quotation mark', 'a "b" %22.csv'],
      ['percent, plus and ampersand', '100% a+b&c=d;e#f?.csv'],
      ['255 characters', 'é'.repeat(255)],
      ['255 characters of two UTF-16 units', '𝔸'.repeat(255)],
      ['three dots', '...'],
      ['a query of Drive', "x' or name contains '"],
    ])('a name with %s is stored unchanged', async (__, name) => {
      expect((await send({ name })).json.name).toBe(name.normalize('NFC'));
      expect(lastOptions()?.name).toBe(name.normalize('NFC'));
    });

    test('a name is normalized to NFC, and surrounding white space is removed', async () => {
      expect((await send({ name: ' \t\u00a0re\u0301sume\u0301.pdf\u2003' })).json.name).toBe('résumé.pdf');
    });

    test.each([
      ['300 characters', 'x'.repeat(300)],
      ['256 characters', '𝔸'.repeat(256)],
      ['a NUL', 'a\0b'],
      ['a line break', 'a\nb'],
      ['a control character of Latin-1', 'a\u0085b'],
      ['DEL', 'a\u007fb'],
      ['a slash', 'a/b'],
      ['a backslash', 'a\\b'],
      ['nothing', ''],
      ['white space alone', ' \u3000 '],
      ['a dot', '.'],
      ['two dots', ' .. '],
    ])('a name with %s is rejected', async (__, name) => {
      const before = entry.services.delivered.length;
      const { status, json } = await send({ name });
      expect([status, json.code]).toEqual([400, 'name-invalid']);
      expect(entry.services.delivered.length).toBe(before);
    });

    test.each([
      ['', ''],
      ['reports', 'reports'],
      ['reports/2026/11', 'reports/2026/11'],
      ['reports\\2026', 'reports/2026'],
      ['/', ''],
      ['/reports/2026/', 'reports/2026'],
      ['//reports//', 'reports'],
      ['\\reports\\', 'reports'],
      ['re\u0301sume\u0301s/ x ', 'résumés/x'],
      ["it's/📊", "it's/📊"],
      [Array.from({ length: 32 }, () => 'x').join('/'), Array.from({ length: 32 }, () => 'x').join('/')],
    ])('the path %j becomes %j', async (path, expected) => {
      expect((await send({ name: 'a', path })).status).toBe(201);
      expect(lastOptions()?.path).toBe(expected);
    });

    test.each([
      'a//b',
      'a/ ',
      '..',
      '/../a',
      `${'/'.repeat(2_000)}a//b`,
      'a/../b',
      'a\\..\\b',
      './a',
      'a/\0/b',
      'a/ /b',
      `a/${'x'.repeat(256)}`,
    ])('the path %j is rejected', async (path) => {
      const { status, json } = await send({ name: 'a', path });
      expect([status, json.code]).toEqual([400, 'path-invalid']);
    });

    test('a path of 33 folders is rejected', async () => {
      const path = Array.from({ length: 33 }, () => 'x').join('/');
      expect((await send({ name: 'a', path })).json.code).toBe('path-invalid');
    });

    test.each(['new', 'replace', 'skip', 'fail'])('onConflict may be %s', async (onConflict) => {
      expect((await send({ name: 'a', onConflict })).status).toBe(201);
      expect(lastOptions()?.onConflict).toBe(onConflict);
    });

    test.each(['sheet', 'doc', 'slides'])('convertTo may be %s', async (convertTo) => {
      expect((await send({ name: 'a', convertTo })).status).toBe(201);
      expect(lastOptions()?.convertTo).toBe(convertTo);
    });

    test('the details of the file are read: times in UTC, properties as a JSON object', async () => {
      const properties = { order: '1234', 'Kündin "A"': '', constructor: 'x' };
      const { status } = await send({
        ...{ name: 'a', modifiedTime: '2026-11-24T12:00:00+09:00', createdTime: '1969-12-31T23:59:59.9999Z' },
        ...{ properties: JSON.stringify(properties), keepRevisionForever: 'true' },
      });
      expect(status).toBe(201);
      expect(lastOptions()).toMatchObject({
        ...{ modifiedTime: '2026-11-24T03:00:00.000Z', createdTime: '1969-12-31T23:59:59.999Z' },
        ...{ properties, keepRevisionForever: true },
      });
    });

    test('properties are counted as Drive counts them: 124 bytes of UTF-8, 30 properties', async () => {
      const thirty = Object.fromEntries(Array.from({ length: 30 }, (__, at) => [`k${at}`, 'v']));
      for (const properties of [{ é: 'é'.repeat(61) }, thirty, {}]) {
        expect((await send({ name: 'a', properties: JSON.stringify(properties) })).status).toBe(201);
        expect(lastOptions()?.properties).toEqual(properties);
      }
      for (const properties of [{ é: `${'é'.repeat(61)}x` }, { ...thirty, k30: 'v' }, { '': 'v' }]) {
        const { status, json } = await send({ name: 'a', properties: JSON.stringify(properties) });
        expect([status, json.code]).toEqual([400, 'request-invalid']);
      }
    });

    test.each([
      { onConflict: 'overwrite' },
      { modifiedTime: '2026-11-24' },
      { modifiedTime: '2026-11-24T12:00:00' },
      { modifiedTime: '2026-02-30T12:00:00Z' },
      { modifiedTime: '1767225600' },
      { createdTime: '0000-01-01T00:00:00+09:00' },
      { createdTime: '' },
      { properties: '' },
      { properties: 'order=1234' },
      { properties: '[]' },
      { properties: '{"order": 1234}' },
      { properties: '{"order": null}' },
      { properties: '{"order": "\\ud800"}' },
      { properties: '{"order": "1234", "__proto__": "x"}' },
      { keepRevisionForever: 'yes' },
      { keepRevisionForever: '' },
      { starred: 'true' },
      // What operators decide, callers cannot.
      { readOnly: 'false' },
      { noDownload: 'false' },
      { labels: '{}' },
      { keep: '{"last":1}' },
      { share: '[]' },
      { appProperties: '{"courierKeep":"x"}' },
      { onConflict: '' },
      { onConflict: 'NEW' },
      { convertTo: 'pdf' },
      { convertTo: '' },
      { destination: '' },
      { destination: 'd'.repeat(65) },
      { description: 'x'.repeat(4097) },
      { Name: 'a' },
      { onconflict: 'new' },
      { mimeType: 'text/csv' },
      { idempotencyKey: 'x' },
      { constructor: 'x' },
      { toString: 'x' },
      { hasOwnProperty: 'x' },
    ] as unknown as Record<string, string>[])('%j is rejected', async (more) => {
      const { status, json } = await send({ name: 'a', ...more });
      expect([status, json.code]).toEqual([400, 'request-invalid']);
      expect(json.detail).toContain(Object.keys(more)[0]);
    });

    test('an option called __proto__ is rejected by name', async () => {
      const options = Object.fromEntries([
        ['name', 'a'],
        ['__proto__', 'x'],
      ]);
      expect((await send(options)).json.detail).toBe('There is no option "__proto__".');
    });

    test('all invalid options are named at once', async () => {
      const { json } = await send({ name: 'a/b', path: '..', onConflict: 'x' });
      expect(json.code).toBe('request-invalid');
      for (const word of ['name', 'path', 'onConflict']) expect(json.detail).toContain(word);
    });
  });

  test('a name is required, unless the destination has a default', async () => {
    const { status, json } = await post('path=x');
    expect([status, json.code, json.detail]).toEqual([400, 'name-invalid', 'name is missing.']);
  });

  test.each([
    ['an option twice', 'name=a&name=a', '"name" is given twice.'],
    ['an option twice, written differently', 'name=a&n%61me=b', '"name" is given twice.'],
    ['33 parameters', `name=a&${'x=&'.repeat(33)}`, 'The query has more than 32 parameters.'],
    ['a byte that is no UTF-8', 'name=%ff', 'The query is not percent-encoded UTF-8.'],
    ['a surrogate in UTF-8', 'name=%ed%a0%80', 'The query is not percent-encoded UTF-8.'],
    ['an overlong slash', 'name=a%c0%afb', 'The query is not percent-encoded UTF-8.'],
    [
      'a plus sign that is not percent-encoded',
      'name=a&createdTime=2026-11-24T12:00:00+09:00',
      'createdTime has a space before the offset: write the "+" of a time zone as "%2B" in a query.',
    ],
    ['a percent sign alone', 'name=100%', 'The query is not percent-encoded UTF-8.'],
  ])('a query with %s is rejected', async (_, query, detail) => {
    const { status, json } = await post(query);
    expect([status, json.code, json.detail]).toEqual([400, 'request-invalid', detail]);
  });

  test('the query is decoded as forms encode it', async () => {
    expect((await post('&name=a+b%20c&&')).json.name).toBe('a b c');
  });

  test.each(['a', '!', '~'.repeat(255), 'a/b"c\\d', '9f1c7d0e-4b7e-4c43-a3b0-5d7f1c1f0a11'])(
    'the Idempotency-Key %j is accepted',
    async (key) => {
      const { json } = await post('name=a', { headers: { 'idempotency-key': key } });
      expect(json.idempotencyKey).toBe(key);
      expect(entry.services.delivered.at(-1)?.delivery.idempotencyKey).toBe(key);
    },
  );

  test.each(['', 'x'.repeat(256), 'a b', 'a\tb', '\u00e9', ['a', 'b']])(
    'the Idempotency-Key %j is rejected',
    async (key) => {
      const before = entry.services.delivered.length;
      const { status, json } = await post('name=a', { headers: { 'idempotency-key': key as string } });
      expect([status, json.code]).toEqual([400, 'request-invalid']);
      expect(entry.services.delivered.length).toBe(before);
    },
  );

  test.each([
    ['alone', `sha-256=:${sha256('abc')}:`],
    ['beside another', `sha-512=:${createHash('sha512').update('abc').digest('base64')}:, sha-256=:${sha256('abc')}:`],
    ['beside one of an unknown algorithm', `crc32c=:YWJj:, sha-256=:${sha256('abc')}:`],
    ['with parameters', `sha-256=:${sha256('abc')}:;a=1;b="x y"`],
    ['without its padding', `sha-256=:${sha256('abc').replace('=', '')}:`],
    ['last of two', `sha-256=:${sha256('other')}:, sha-256=:${sha256('abc')}:`],
  ])('the right digest is accepted %s', async (_, digest) => {
    expect((await post('name=a', { headers: { 'content-digest': digest } })).status).toBe(201);
    expect(entry.services.delivered.at(-1)?.delivery.expectedSha256).toBe(
      createHash('sha256').update('abc').digest('hex'),
    );
  });

  test('a digest with only unknown algorithms is rejected, since it cannot be checked', async () => {
    const { status, json } = await post('name=a', { headers: { 'content-digest': 'crc32c=:YWJj:' } });
    expect([status, json.code]).toEqual([400, 'digest-malformed']);
  });

  test('a digest of other bytes is rejected, and nothing is delivered', async () => {
    const before = entry.services.delivered.length;
    const { status, json } = await post('name=a', { headers: { 'content-digest': `sha-256=:${sha256('abd')}:` } });
    expect([status, json.code]).toEqual([422, 'digest-mismatch']);
    expect(entry.services.delivered.length).toBe(before);
  });

  test.each([
    '',
    'sha-256',
    `sha-256=${sha256('abc')}`,
    `sha-256=:${sha256('abc')}`,
    'sha-256=:YWJj:',
    `SHA-256=:${sha256('abc')}:`,
    `sha-256=:${sha256('abc')}:,`,
    `sha-256=:${sha256('abc').replace(/^./, '-')}:`,
    `sha-256=:${Buffer.alloc(33).toString('base64')}:`,
    'sha-256=?1',
  ])('the Content-Digest %j is rejected', async (digest) => {
    const before = entry.services.delivered.length;
    const { status, json } = await post('name=a', { headers: { 'content-digest': digest } });
    expect([status, json.code]).toEqual([400, 'digest-malformed']);
    expect(entry.services.delivered.length).toBe(before);
  });
});
