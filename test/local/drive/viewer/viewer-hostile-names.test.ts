import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { apiOf, type DriveApi } from '../drive-api.ts';

let google: LocalGoogle;
let courier: DriveApi;
let folder: string;
beforeAll(async () => {
  google = await startLocalGoogle({ now: () => Date.parse('2026-11-24T12:00:00Z') });
  courier = apiOf(google, google.world.emails.courier);
  const reports = google.drive.createFolder({ name: 'reports', parent: google.places.sharedDrive });
  folder = google.drive.createFolder({ name: '11', parent: reports });
  google.drive.putFile({ name: 'sales.csv', bytes: 'a,b\r\n'.repeat(500), mimeType: 'text/csv', parent: folder });
});
afterAll(() => google.close());

const get = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${google.origin}${path}`, { redirect: 'manual', ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
};
/** The visible text of a page, without tags. */

describe('hostile names', () => {
  const HOSTILE = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '&lt;b&gt;&amp;',
    '</title></bdi></td><iframe src="javascript:alert(1)">',
    'line\nbreak\r\nSet-Cookie: x=1\u0000\u001b[31m',
    '\u202Egnp.exe',
    '{{7*7}} <%= 1 %> %3Cb%3E',
    '../../etc/passwd',
    '😀 売上 تقرير',
    'x'.repeat(500),
  ];
  const ALLOWED =
    /^(!doctype|html|head|meta|title|link|body|header|a|svg|path|circle|text|span|nav|ul|ol|li|h1|h2|bdi|main|div|p|table|thead|tbody|tr|th|td|time|em|section|dl|dt|dd|code|small|strong)$/;

  const isInvisible = (character: string): boolean => {
    const code = character.codePointAt(0) ?? 0;
    return (code < 0x20 && character !== '\n') || (code >= 0x202a && code <= 0x202e);
  };

  /** Everything in angle brackets that a browser would parse as a tag. Text must never contain one. */
  const tagsOf = (html: string): string[] =>
    [...html.matchAll(/<\/?([a-z!][^\s>/]*)/gi)].map(([, tag]) => tag?.toLowerCase() ?? '');

  test.each(HOSTILE)('%j is text everywhere', async (name) => {
    const where = google.drive.createFolder({ name, parent: google.places.sharedDrive });
    const file = google.drive.putFile({ name, bytes: 'x', mimeType: `text/html`, parent: where });
    await courier('PATCH', `/files/${file}`, {
      query: { supportsAllDrives: true },
      body: {
        description: name,
        properties: { [name.slice(0, 50)]: name.slice(0, 20) },
        appProperties: { a: name.slice(0, 20) },
      },
    });
    for (const path of ['/', `/drive/folders/${where}`, `/file/d/${file}/view`]) {
      const { status, text, headers } = await get(path);
      expect(status).toBe(200);
      expect(tagsOf(text).filter((tag) => !ALLOWED.test(tag))).toEqual([]);
      // Every attribute is quoted, so nothing outside of quotes looks like one.
      for (const [tag] of text.matchAll(/<[a-z][^>]*>/gi))
        expect(tag.replace(/"[^"]*"/g, '')).not.toMatch(/\bon\w+|javascript|'/i);
      expect([...text].filter(isInvisible)).toEqual([]);
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self'/);
    }
    google.drive.removeFile(where);
  });

  test.each(HOSTILE)('%j goes into no header', async (name) => {
    const file = google.drive.putFile({ name, bytes: '<script>', mimeType: 'text/html', parent: folder });
    const { headers, text } = await get(`/uc?id=${file}`);
    expect(text).toBe('<script>');
    expect(headers.get('set-cookie')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    const disposition = headers.get('content-disposition') ?? '';
    expect(disposition).toMatch(/^attachment; filename="[\x20-\x7e]*"; filename\*=UTF-8''[\w.%~-]*$/);
    expect(decodeURIComponent(disposition.split("UTF-8''")[1] ?? '')).toBe(name);
    google.drive.removeFile(file);
  });

  test('an invalid media type is not sent in a header', async () => {
    const file = google.drive.putFile({ name: 'x', bytes: 'x', mimeType: 'text/x\r\nSet-Cookie: x=1', parent: folder });
    const { headers } = await get(`/uc?id=${file}`);
    expect([headers.get('content-type'), headers.get('set-cookie')]).toEqual(['application/octet-stream', null]);
    google.drive.removeFile(file);
  });
});
