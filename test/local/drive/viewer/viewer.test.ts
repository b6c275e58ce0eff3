import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { sizeText } from '../../../../local/google/viewer/texts.ts';
import { apiOf, type DriveApi, SHEET } from '../drive-api.ts';
import { uploaderOf } from '../uploads/uploading.ts';

let google: LocalGoogle;
let courier: DriveApi;
let folder: string;
let csv: string;
beforeAll(async () => {
  google = await startLocalGoogle({ now: () => Date.parse('2026-11-24T12:00:00Z') });
  courier = apiOf(google, google.world.emails.courier);
  const reports = google.drive.createFolder({ name: 'reports', parent: google.places.sharedDrive });
  folder = google.drive.createFolder({ name: '11', parent: reports });
  csv = google.drive.putFile({ name: 'sales.csv', bytes: 'a,b\r\n'.repeat(500), mimeType: 'text/csv', parent: folder });
});
afterAll(() => google.close());

const get = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${google.origin}${path}`, { redirect: 'manual', ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
};
/** The visible text of a page, without tags. */
const wordsOf = (html: string): string =>
  html
    .replace(/<svg.*?<\/svg>/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

describe('the start page', () => {
  test('shows shared drives, everybody’s My Drive, and the newest files', async () => {
    const { status, headers, text } = await get('/');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const words = wordsOf(text);
    for (const expected of [
      /Shared drives Reports/,
      /Reports \d+ items · \d+ members/,
      /Alice/,
      /alice@example\.com/,
      /Recent files .*sales\.csv/,
    ])
      expect(words).toMatch(expected);
    expect(words).not.toMatch(/gserviceaccount/);
    expect(text).toContain(`href="/drive/folders/${google.places.sharedDrive}"`);
  });

  test.each(['/drive', '/drive/', '/drive/my-drive'])('is at %s too', async (path) => {
    expect(wordsOf((await get(path)).text)).toContain('Recent files');
  });
});

describe('a folder', () => {
  test('shows its content: folders first, sizes, times, sharing, and download links', async () => {
    google.drive.createFolder({ name: 'zz', parent: folder });
    google.drive.share(csv, { email: 'bob@example.com', role: 'commenter' });
    const { text } = await get(`/drive/folders/${folder}`);
    const words = wordsOf(text);
    expect(words).toMatch(/Reports reports 11 Name Owner Last modified File size Shared with/);
    expect(words.indexOf(' zz ')).toBeLessThan(words.indexOf('sales.csv'));
    expect(words).toMatch(/sales\.csv .*2\.4 KB .*Bob/);
    expect(words).toMatch(/1 folder · 1 file, 2\.4 KB/);
    expect(text).toContain('<time datetime="2026-11-24T12:00:00.000Z"');
    expect(text).toContain(`href="/uc?id=${csv}&amp;export=download"`);
    expect(text).toContain('Bob Example: Commenter');
  });

  test('links to the folders above, and reloads itself', async () => {
    const { text } = await get(`/drive/folders/${folder}`);
    const crumbs = [...text.matchAll(/<li><a href="([^"]+)"><bdi>/g)].map(([, href]) => href);
    expect(crumbs[0]).toBe(`/drive/folders/${google.places.sharedDrive}`);
    expect(crumbs).toHaveLength(2);
    expect(text).toMatch(/<meta http-equiv="refresh" content="\d+">/);
  });

  test('comes in pages, sorted as asked', async () => {
    const many = google.drive.createFolder({ name: 'many', parent: google.places.sharedDrive });
    for (let index = 0; index < 203; index += 1)
      google.drive.putFile({ name: `n${index}.txt`, bytes: 'x'.repeat(index), parent: many });
    const namesOf = (html: string) => [...html.matchAll(/<bdi>(n\d+\.txt)<\/bdi>/g)].map(([, name]) => name);
    const first = await get(`/drive/folders/${many}`);
    expect(namesOf(first.text).slice(0, 3)).toEqual(['n0.txt', 'n1.txt', 'n2.txt']);
    expect(namesOf(first.text)).toHaveLength(200);
    expect(wordsOf(first.text)).toMatch(/203 files, 20 KB Next/);
    const next = await get(`/drive/folders/${many}?sort=name&from=200`);
    expect(namesOf(next.text)).toEqual(['n200.txt', 'n201.txt', 'n202.txt']);
    const bySize = await get(`/drive/folders/${many}?sort=size`);
    expect(namesOf(bySize.text)[0]).toBe('n202.txt');
    for (const odd of ['?sort=pigeon&from=-5', '?from=x', '?from=1e-9'])
      expect(namesOf((await get(`/drive/folders/${many}${odd}`)).text)).toHaveLength(200);
    expect((await get(`/drive/folders/${many}?from=1e99`)).status).toBe(200);
  });

  test('does not list trashed items; the trash lists them, and their pages show it', async () => {
    const gone = google.drive.putFile({ name: 'gone.txt', bytes: 'x', parent: folder });
    google.drive.setTrashed(gone, true);
    for (const path of ['/', `/drive/folders/${folder}`])
      expect(wordsOf((await get(path)).text)).not.toContain('gone.txt');
    expect(wordsOf((await get('/drive/trash')).text)).toContain('gone.txt');
    expect(wordsOf((await get(`/file/d/${gone}/view`)).text)).toContain('This file is in the trash.');
  });
});

describe('a file', () => {
  test('shows its checksums, who has access with which role, its properties and versions', async () => {
    await courier('PATCH', `/files/${csv}`, {
      query: { supportsAllDrives: true },
      body: { appProperties: { key: 'delivery-1' }, description: 'For the board.' },
    });
    const { body } = await uploaderOf(google, google.world.emails.courier).at(
      `/upload/drive/v3/files/${csv}?uploadType=media&supportsAllDrives=true&fields=sha256Checksum,md5Checksum`,
      { method: 'PATCH', body: 'new bytes' },
    );
    const words = wordsOf((await get(`/file/d/${csv}/view`)).text);
    for (const expected of [
      body.sha256Checksum,
      body.md5Checksum,
      csv,
      'For the board.',
      'delivery-1',
      'Versions',
      '9 bytes',
      'Bob Example',
    ])
      expect(words).toContain(expected);
    expect(words).toMatch(/Bob Example bob@example\.com Commenter/);
    expect(words).toMatch(/Operations ops@example\.com Manager from Reports/);
    google.drive.unshare(csv, 'bob@example.com');
  });

  test('of a Docs type shows what it was converted from, at the address in its webViewLink', async () => {
    const { body } = await uploaderOf(google, google.world.emails.courier).at(
      '/upload/drive/v3/files?uploadType=multipart&supportsAllDrives=true&fields=id,webViewLink',
      {
        body: `--b\r\n\r\n${JSON.stringify({ name: 'Revenue', mimeType: SHEET, parents: [folder] })}\r\n--b\r\nContent-Type: text/csv\r\n\r\na,b\r\n--b--`,
        headers: { 'content-type': 'multipart/related; boundary=b' },
      },
    );
    const { pathname } = new URL(body.webViewLink);
    const words = wordsOf((await get(pathname)).text);
    expect(words).toMatch(/Type Google Sheets Made from text\/csv Size as sent 3 bytes/);
    expect(words).not.toContain('SHA-256');
    expect(wordsOf((await get(`/drive/folders/${folder}`)).text)).toMatch(/Revenue Google Sheets/);
    const bytes = await get(`/uc?id=${body.id}&export=download`);
    expect([bytes.headers.get('content-type'), bytes.text]).toEqual(['text/csv', 'a,b']);
  });

  test('every link in an answer of Drive opens in the viewer', async () => {
    for (const id of [csv, folder]) {
      const { body } = await courier('GET', `/files/${id}`, {
        query: { supportsAllDrives: true, fields: 'webViewLink,webContentLink' },
      });
      for (const link of Object.values(body as Record<string, string>)) {
        expect(new URL(link).origin).toBe(google.origin);
        expect((await fetch(link)).status).toBe(200);
      }
    }
  });

  test('a path is answered under the host of the real Drive too', async () => {
    for (const path of [`/drive/folders/${folder}`, `/file/d/${csv}/view?usp=drivesdk`])
      expect((await get(`/drive.google.com${path}`)).status).toBe(200);
  });

  test('the style sheet names fonts that have Japanese and emoji', async () => {
    const { text } = await get('/_viewer/style.css');
    const [, families = ''] = /body \{[^}]*font:([^;]*);/.exec(text) ?? [];
    expect(families).toMatch(/"Noto Sans CJK JP".*IPAGothic.*"Noto Color Emoji".*sans-serif/s);
  });

  test('an address for another kind of item redirects to the item’s own', async () => {
    const { status, headers } = await get(`/drive/folders/${csv}`);
    expect([status, headers.get('location')]).toEqual([302, `/file/d/${csv}/view`]);
  });

  test.each([
    '/file/d/nothing/view',
    '/drive/folders/nothing',
    '/uc?id=nothing',
    '/uc',
    '/drive/elsewhere',
    `/drive/folders/%00`,
  ])('%s: 404, with a page', async (path) => {
    const { status, text } = await get(path);
    expect([status, wordsOf(text)]).toEqual([404, expect.stringContaining('Not found')]);
  });

  test('a folder cannot be downloaded', async () => {
    expect((await get(`/uc?id=${folder}`)).status).toBe(404);
  });

  test('HEAD gets the headers without a body; POST is not found', async () => {
    const head = await get('/', { method: 'HEAD' });
    expect([head.status, head.text, Number(head.headers.get('content-length')) > 1000]).toEqual([200, '', true]);
    expect((await get('/', { method: 'POST' })).status).toBe(404);
  });
});

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [1023, '1023 bytes'],
  [1024, '1 KB'],
  [1536, '1.5 KB'],
  [80 * 1024 * 1024, '80 MB'],
  [1_023_999, '1000 KB'],
  [1024 ** 3 - 1, '1024 MB'],
  [5 * 1024 ** 4, '5 TB'],
])('%i bytes are %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

const PROGRAM = 'chromium';
const chromium = spawnSync(PROGRAM, ['--version']).status === 0;
if (!chromium) console.warn('SKIPPED: no chromium here, so no browser looks at the viewer.');

(chromium ? describe : describe.skip)('in a browser', () => {
  const profile = chromium ? mkdtempSync(join(tmpdir(), 'viewer-')) : '';
  afterAll(() => rmSync(profile, { recursive: true, force: true }));

  test('a hostile name runs nothing and is shown unchanged', async () => {
    const name = '<script>document.title="run"</script><b id="x">';
    google.drive.putFile({ name, bytes: 'x', parent: folder });
    const browser = spawn(PROGRAM, [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--user-data-dir=${profile}`,
      '--dump-dom',
      `${google.origin}/drive/folders/${folder}`,
    ]);
    let dom = '';
    browser.stdout.on('data', (chunk) => {
      dom += String(chunk);
    });
    await new Promise((resolve) => browser.once('close', resolve));
    expect(dom).toContain('&lt;script&gt;document.title="run"&lt;/script&gt;');
    expect(dom).toMatch(/<title>11 – Local Drive<\/title>/);
    expect(dom).not.toContain('<b id="x"');
  }, 120_000);
});
