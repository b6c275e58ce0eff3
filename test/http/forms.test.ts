import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BOUNDARY, type FormPart, formOf, formType, inPieces } from '../support/http/form-bodies.ts';
import { type Entry, FORMS, startEntry } from '../support/http/http-forms.ts';

const FILE: FormPart = { name: 'file', fileName: 'a.csv', type: 'text/csv; charset=utf-8', value: 'a,b\r\n1,2\r\n' };
const field = (name: string, value: string | Uint8Array): FormPart => ({ name, value });
const digestOf = (bytes: string | Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;

describe.each(FORMS)('a form, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form);
  });
  afterAll(() => entry.close());

  const post = (body: Uint8Array | string | readonly Uint8Array[], { target = '/v1/files', headers = {} } = {}) =>
    entry.send({ target, body, headers: { 'content-type': formType(), ...headers } });
  const postParts = (parts: readonly FormPart[], options = {}) => post(formOf(parts), options);
  const delivered = () => entry.services.delivered;

  test('takes its options from fields before its file', async () => {
    const { status, json } = await postParts([
      field('destination', 'reports'),
      field('path', 'reports/2026/11'),
      field('onConflict', 'replace'),
      field('convertTo', 'sheet'),
      field('description', 'Zahlen für November'),
      FILE,
    ]);
    expect(status).toBe(201);
    expect(json).toMatchObject({
      name: 'a.csv',
      mimeType: 'text/csv; charset=utf-8',
      path: 'reports/2026/11',
      size: 10,
    });
    const { delivery, bytes } = delivered().at(-1) ?? {};
    expect(delivery?.options).toEqual({
      ...{ destination: 'reports', name: 'a.csv', path: 'reports/2026/11' },
      ...{ onConflict: 'replace', convertTo: 'sheet', description: 'Zahlen für November' },
    });
    expect(delivery?.source.size).toBeUndefined();
    expect(bytes?.toString()).toBe('a,b\r\n1,2\r\n');
  });

  test('may send its options in the query, or split between query and fields', async () => {
    expect((await postParts([FILE], { target: '/v1/files?name=b.csv&path=x' })).json).toMatchObject({
      name: 'b.csv',
      path: 'x',
    });
    const both = await postParts([field('path', 'y'), FILE], { target: '/?name=c.csv' });
    expect(both.json).toMatchObject({ name: 'c.csv', path: 'y' });
  });

  test('may have properties from a file of Windows, with a byte order mark', async () => {
    const { status } = await postParts([field('properties', '\ufeff{"order":"1234"}\r\n'), FILE]);
    expect([status, delivered().at(-1)?.delivery.options.properties]).toEqual([201, { order: '1234' }]);
  });

  test.each([1, 7, 64])('is parsed in pieces of %d bytes', async (length) => {
    const value = Buffer.from(`\r\n--\r\n-\r${BOUNDARY}\r\n--${BOUNDARY.slice(0, -1)}\r\n\r\n\n--${BOUNDARY}`);
    const body = formOf([field('path', 'a/b'), { ...FILE, value }]);
    const { status } = await post(inPieces(body, [length]));
    expect(status).toBe(201);
    expect(delivered().at(-1)?.bytes.equals(value)).toBe(true);
  });

  test.each([
    ['without any bytes', ''],
    ['that ends in a line break', 'x\r\n'],
    ['that is a line break', '\r\n'],
    ['that begins with a hyphen', '--'],
  ])('delivers a file %s unchanged', async (_, value) => {
    const { status } = await postParts([{ ...FILE, value }]);
    expect(status).toBe(201);
    expect(delivered().at(-1)?.bytes.toString()).toBe(value);
  });

  test('may have a preamble, an epilogue and white space after its boundaries', async () => {
    const body = formOf([FILE]).toString().replaceAll(`--${BOUNDARY}\r\n`, `--${BOUNDARY} \t\r\n`);
    const { status } = await post(`This is a form.\r\n${body}That was a form.`);
    expect(status).toBe(201);
    expect(delivered().at(-1)?.bytes.toString()).toBe('a,b\r\n1,2\r\n');
  });

  test.each([
    ['quoted', `multipart/form-data; boundary="a b:c/d=e?f(g)h,i'j"`, `a b:c/d=e?f(g)h,i'j`],
    ['bare, with signs that want quotes', 'multipart/form-data; boundary=----=_Part_1/2.3', '----=_Part_1/2.3'],
    ['of 70 characters', formType('y'.repeat(70)), 'y'.repeat(70)],
    ['beside other parameters', 'Multipart/Form-Data; charset=utf-8; BOUNDARY=z', 'z'],
  ])('may have a boundary that is %s', async (_, type, boundary) => {
    const { status } = await post(formOf([FILE], boundary), { headers: { 'content-type': type } });
    expect(status).toBe(201);
  });

  test.each([
    ['missing', 'multipart/form-data'],
    ['empty', 'multipart/form-data; boundary=""'],
    ['of 71 characters', formType('y'.repeat(71))],
    ['of signs that none may have', 'multipart/form-data; boundary="a;b"'],
    ['one that ends in a space', 'multipart/form-data; boundary="a "'],
  ])('is rejected if its boundary is %s', async (_, type) => {
    const { status, json } = await post(formOf([FILE]), { headers: { 'content-type': type } });
    expect([status, json.code]).toEqual([400, 'request-invalid']);
  });

  test.each<[string, FormPart[], string]>([
    ['two files', [FILE, { ...FILE, name: 'other' }], 'request-invalid'],
    ['an option after the file', [FILE, field('path', 'x')], 'request-invalid'],
    ['no file', [field('name', 'a.csv')], 'request-invalid'],
    ['no parts', [], 'request-invalid'],
    ['an option twice', [field('path', 'x'), field('path', 'y'), FILE], 'request-invalid'],
    ['a property twice', [field('properties', '{"a":"1","a":"2"}'), FILE], 'request-invalid'],
    ['an option that there is not', [field('colour', 'red'), FILE], 'request-invalid'],
    ['seventeen fields', [...Array.from({ length: 17 }, (_, n) => field(`f${n}`, '')), FILE], 'request-invalid'],
    ['a field of 16 KiB and a byte', [field('description', 'x'.repeat(16_385)), FILE], 'request-invalid'],
    ['a field that is not UTF-8', [field('path', Buffer.from([0x61, 0xff])), FILE], 'request-invalid'],
    ['a field with a NUL', [field('name', 'a\0b'), FILE], 'name-invalid'],
    ['a path that goes up', [field('path', 'a/../b'), FILE], 'path-invalid'],
    ['an unknown rule', [field('onConflict', 'overwrite'), FILE], 'request-invalid'],
    ['an empty file name', [{ ...FILE, fileName: '' }], 'name-invalid'],
    ['a file name with folders', [{ ...FILE, fileName: 'C:\\a.csv' }], 'name-invalid'],
    ['a part without Content-Disposition', [{ ...FILE, lines: ['Content-Disposition:'] }], 'request-invalid'],
    ['an attachment', [{ ...FILE, lines: ['Content-Disposition: attachment; filename=a'] }], 'request-invalid'],
    ['a part without a name', [{ ...FILE, lines: ['Content-Disposition: form-data; filename=a'] }], 'request-invalid'],
    ['a header twice', [{ ...FILE, lines: ['Content-Type: text/plain'] }], 'request-invalid'],
    ['a header line without a colon', [{ ...FILE, lines: ['nonsense'] }], 'request-invalid'],
    ['a folded header', [{ ...FILE, lines: ['X-Long: a', ' b'] }], 'request-invalid'],
    ['seventeen headers', [{ ...FILE, lines: Array.from({ length: 15 }, (_, n) => `X-${n}: a`) }], 'request-invalid'],
    ['a header of 8 KiB', [{ ...FILE, lines: [`X-Long: ${'a'.repeat(8192)}`] }], 'request-invalid'],
    ['a coding', [{ ...FILE, lines: ['Content-Transfer-Encoding: base64'] }], 'request-invalid'],
    ['a type of Google Docs', [{ ...FILE, type: 'application/vnd.google-apps.document' }], 'media-type-unsupported'],
    ['a digest of other bytes', [{ ...FILE, lines: [`Content-Digest: ${digestOf('other')}`] }], 'digest-mismatch'],
    ['a digest that is none', [{ ...FILE, lines: ['Content-Digest: sha-256=abc'] }], 'digest-malformed'],
  ])('with %s is rejected, and nothing is delivered', async (_, parts, code) => {
    const before = delivered().length;
    const { json } = await postParts(parts);
    expect(json.code).toBe(code);
    expect(delivered().length).toBe(before);
  });

  test('reports what is wrong with it', async () => {
    const detail = async (parts: FormPart[]) => (await postParts(parts)).json.detail;
    expect(await detail([FILE, field('path', 'x')])).toBe(
      'The field "path" comes after the file; options go before it.',
    );
    expect(await detail([FILE, FILE])).toBe('The form has more than one file.');
    expect(await detail([field('name', 'x')])).toBe('The form has no file: one part with a "filename" is needed.');
    expect(await detail([field('colour', 'red'), FILE])).toBe('There is no option "colour".');
    // The documentation has these options, but not as fields of a form.
    expect(await detail([field('unpack', 'zip'), FILE])).toContain('in the query');
    expect(await detail([field('mimeType', 'text/csv'), FILE])).toContain('Content-Type');
    expect(await detail([field('idempotencyKey', 'k'), FILE])).toContain('Idempotency-Key');
    expect(await detail([field('path', 'x'), field('path', 'x'), FILE])).toBe('"path" is given twice.');
    const many = Array.from({ length: 17 }, (_, n) => field(`f${n}`, ''));
    expect(await detail([...many, FILE])).toBe('The form has more than 16 fields.');
  });

  test('with lines that end in a bare line feed is rejected', async () => {
    const before = delivered().length;
    const { status, json } = await post(formOf([FILE]).toString().replaceAll('\r\n', '\n'));
    expect([status, json.code]).toEqual([400, 'request-invalid']);
    expect(delivered().length).toBe(before);
  });

  test('with another boundary than its type names is rejected', async () => {
    const { status, json } = await post(formOf([FILE], 'another'));
    expect([status, json.code]).toEqual([400, 'request-invalid']);
  });

  test('whose file contains the boundary is rejected rather than truncated there', async () => {
    const before = delivered().length;
    for (const within of [`\r\n--${BOUNDARY}x`, `\r\n--${BOUNDARY}--x`, `\r\n--${BOUNDARY}-`]) {
      const { status, json } = await postParts([{ ...FILE, value: `before${within}after` }]);
      expect([within, status, json.code]).toEqual([within, 400, 'request-invalid']);
    }
    expect(delivered().length).toBe(before);
  });

  test('with more than 64 KiB before or after it is rejected', async () => {
    const before = delivered().length;
    const much = `${'x'.repeat(65_536)}\r\n`;
    for (const body of [`${much}${formOf([FILE])}`, `${formOf([FILE])}${much}`]) {
      const { status, json } = await post(body);
      expect([status, json.code]).toEqual([400, 'request-invalid']);
    }
    expect(delivered().length).toBe(before);
  });

  test('that is truncated anywhere creates no delivery', async () => {
    const whole = formOf([field('path', 'x'), FILE]);
    const before = delivered().length;
    const end = whole.byteLength - '\r\n'.length;
    for (let length = 0; length < end; length += 1) {
      const { status, json } = await post(whole.subarray(0, length));
      expect([length, status, json.code]).toEqual([length, 400, 'body-truncated']);
    }
    expect(delivered().length).toBe(before);
    expect((await post(whole.subarray(0, end))).status).toBe(201);
  });

  test.each([
    ['as browsers send it', 'na\u00efve %22x%22.csv', undefined, 'naïve "x".csv'],
    [
      'by RFC 8187',
      undefined,
      `form-data; name=file; filename=a; filename*=UTF-8''%e2%82%ac%20rates.csv`,
      '€ rates.csv',
    ],
    ['by RFC 8187 in Latin-1', undefined, `form-data; name=f; filename*=iso-8859-1'en'%A3.csv`, '£.csv'],
    ['with escaped quotes', 'a \\"b\\".csv', undefined, 'a "b".csv'],
    ['without quotes', undefined, 'form-data; name=file; filename=a.csv', 'a.csv'],
    ['in the wrong order', undefined, 'form-data; filename="a.csv" ; name="file";', 'a.csv'],
  ])('names its file %s', async (_, fileName = 'x', disposition, expected) => {
    const lines = disposition === undefined ? [] : [`Content-Disposition: ${disposition}`];
    expect((await postParts([{ ...FILE, fileName, lines }])).json.name).toBe(expected);
  });

  test('may have the digest of the whole form, or of its file', async () => {
    const body = formOf([field('path', 'x'), FILE]);
    const whole = await post(body, { headers: { 'content-digest': digestOf(body) } });
    expect(whole.status).toBe(201);
    expect((await postParts([{ ...FILE, lines: [`Content-Digest: ${digestOf(FILE.value)}`] }])).status).toBe(201);

    const before = delivered().length;
    const wrong = await post(body, { headers: { 'content-digest': digestOf(FILE.value) } });
    expect([wrong.status, wrong.json.code]).toEqual([422, 'digest-mismatch']);
    expect(wrong.json.detail).toContain(createHash('sha256').update(body).digest('hex'));
    expect(delivered().length).toBe(before);
  });
});
