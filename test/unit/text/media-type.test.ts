import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mimeTypeOption } from '../../../src/http/request/options.ts';
import { parseContentType, readStoredType } from '../../../src/text/media-type.ts';

describe('the media type that a file is stored with', () => {
  test.each([
    ['text/csv', 'text/csv'],
    [' Text/CSV ', 'text/csv'],
    ['text/csv; charset=utf-8', 'text/csv; charset=utf-8'],
    ['text/csv;charset=UTF-8', 'text/csv; charset=utf-8'],
    ['text/csv; Charset="Windows-1251"', 'text/csv; charset=windows-1251'],
    ['text/csv; charset = utf-8 ; header=present', 'text/csv; charset=utf-8'],
    ['text/csv; charset=utf-8; charset=utf-8', 'text/csv; charset=utf-8'],
    ['text/csv; header="a;charset=x"', 'text/csv'],
    ['text/csv; header="a\\"b"', 'text/csv'],
    ['text/csv;', 'text/csv'],
    ['text/csv;;charset=utf-8', 'text/csv; charset=utf-8'],
    ['application/json; charset=latin1', 'application/json; charset=latin1'],
    ['message/rfc822', 'message/rfc822'],
    ['image/svg+xml', 'image/svg+xml'],
    ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', undefined],
    ['application/x-www-form-urlencoded', 'application/octet-stream'],
    ['application/vnd.google-earth.kml+xml', undefined],
  ])('%j is stored as %j', (text, kept = text) => {
    expect(readStoredType(text)).toEqual({ type: kept });
    expect(mimeTypeOption.parse(text)).toBe(kept);
  });

  test.each([
    '',
    ' ',
    'csv',
    '*/*',
    'text/*',
    'text/csv, text/csv',
    'text/csv text/plain',
    'text/csv/x',
    'text/cśv',
    'application/vnd.google-apps.document',
    'APPLICATION/VND.GOOGLE-APPS.SPREADSHEET; charset=utf-8',
    'application/vnd.google-apps.folder',
    'multipart/form-data; boundary=x',
    'multipart/related',
    'text/csv; charset',
    'text/csv; charset=',
    'text/csv; charset=""',
    'text/csv; charset="utf-8',
    'text/csv; charset=utf-8 latin1',
    'text/csv; charset=utf-8; charset=latin1',
    'text/csv; charset="a b"',
    'text/csv\r\nX: y',
    `text/csv; charset=${'x'.repeat(41)}`,
    `text/${'x'.repeat(128)}`,
  ])('%j is rejected', (text) => {
    expect(readStoredType(text)).toHaveProperty('fault');
    expect(mimeTypeOption.safeParse(text).success).toBe(false);
  });

  test('any accepted type is valid in a header, and is unchanged when parsed again', () => {
    const text = fc
      .array(fc.constantFrom('text/csv', ';', ' ', 'charset', '=', 'utf-8', '"', '\\', ',', 'x=y', '\t', 'é'), {
        maxLength: 10,
      })
      .map((pieces) => `text/csv${pieces.join('')}`);
    fc.assert(
      fc.property(text, (given) => {
        const stored = readStoredType(given);
        if ('fault' in stored) return;
        expect(stored.type).toMatch(/^text\/csv[\w.+-]*(?:\/csv)?(?:; charset=[\x21-\x7e]+)?$/);
        expect(readStoredType(stored.type)).toEqual(stored);
        if (/;\s*charset\s*=/.test(given.replace(/"[^"]*"/g, ''))) expect(stored.type).toContain('charset=');
      }),
      { numRuns: 3_000, seed: 20_261_128 },
    );
  });
});

test('a boundary may be unquoted, with characters that a token does not allow', () => {
  expect(parseContentType('multipart/form-data; boundary=a=b/c?:@')?.parameters?.get('boundary')).toBe('a=b/c?:@');
  expect(parseContentType('Multipart/Form-Data; charset=utf-8; BOUNDARY="a b"')).toMatchObject({
    mediaType: 'multipart/form-data',
  });
});
