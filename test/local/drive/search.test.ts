import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LocalGoogle } from '../../../local/google/server.ts';
import { type DriveApi, FOLDER, reasonOf, SHEET, startDriveApis } from './drive-api.ts';

let google: LocalGoogle;
let alice: DriveApi;
let bob: DriveApi;
let courier: DriveApi;
let folder: string;

const escaped = (text: string): string => text.replace(/[\\']/g, '\\$&');

beforeAll(async () => {
  ({ google, alice, bob, courier } = await startDriveApis());
  folder = await alice.make({ name: 'searched', mimeType: FOLDER });
  const put = (metadata: object) => alice.make({ parents: [folder], mimeType: 'text/plain', ...metadata });
  await put({ name: 'HelloWorld.csv', mimeType: 'text/csv', createdTime: '2020-01-01T00:00:00Z' });
  await put({ name: 'hello there', createdTime: '2021-06-04T12:00:00Z', starred: true });
  await put({ name: "Valentine's \\ Day", createdTime: '2022-01-01T00:00:00Z', properties: { colour: 'red' } });
  await put({ name: 'old', trashed: true, createdTime: '2019-01-01T00:00:00Z' });
  await put({ name: 'sheet', mimeType: SHEET, appProperties: { key: "it's" }, createdTime: '2023-01-01T00:00:00Z' });
  await put({ name: 'sub', mimeType: FOLDER, createdTime: '2024-01-01T00:00:00Z' });
});
afterAll(() => google.close());

const list = (api: DriveApi, q: string, query: Record<string, string | number | boolean> = {}) =>
  api('GET', '/files', { query: { q, fields: 'nextPageToken,files(id,name)', ...query } });
const namesOf = async (q: string, api = alice): Promise<string[]> => {
  const { status, body } = await list(api, `'${folder}' in parents and (${q})`);
  expect([status, body.error?.message]).toEqual([200, undefined]);
  return body.files.map(({ name }: { name: string }) => name).sort();
};

const EVERYTHING = ['HelloWorld.csv', "Valentine's \\ Day", 'hello there', 'old', 'sheet', 'sub'];

describe('what q finds', () => {
  test.each([
    ["name = 'HelloWorld.csv'", ['HelloWorld.csv']],
    ["name = 'helloworld.CSV'", ['HelloWorld.csv']],
    ["name = 'HelloWorld'", []],
    ["name != 'HelloWorld.csv'", EVERYTHING.filter((name) => name !== 'HelloWorld.csv')],
    ["name contains 'hello'", ['HelloWorld.csv', 'hello there']],
    ["name contains 'World'", []],
    ["name contains 'hello the'", ['hello there']],
    ["name contains 'there'", ['hello there']],
    ["name = 'Valentine\\'s \\\\ Day'", ["Valentine's \\ Day"]],
    ["mimeType = 'text/csv'", ['HelloWorld.csv']],
    ["mimeType contains 'vnd.google-apps'", ['sheet', 'sub']],
    [`mimeType != '${FOLDER}' and trashed = false`, ['HelloWorld.csv', "Valentine's \\ Day", 'hello there', 'sheet']],
    ['trashed = true', ['old']],
    ['trashed', ['old']],
    ['trashed != true', EVERYTHING.filter((name) => name !== 'old')],
    ['not trashed = true', EVERYTHING.filter((name) => name !== 'old')],
    ['starred = true', ['hello there']],
    ["createdTime > '2021-06-04T12:00:00'", ["Valentine's \\ Day", 'sheet', 'sub']],
    ["createdTime >= '2021-06-04T12:00:00Z' and createdTime < '2022-01-01'", ['hello there']],
    ["createdTime = '2021-06-04T14:00:00+02:00'", ['hello there']],
    ["createdTime <= '2019-12-31T23:59:59.999Z'", ['old']],
    ["createdTime != '2021-06-04T12:00:00' and createdTime < '2021-12-31'", ['HelloWorld.csv', 'old']],
    ["modifiedTime > '2012-06-04T12:00:00'", EVERYTHING],
    ["viewedByMeTime < '2012-06-04T12:00:00'", []],
    ["'alice@example.com' in owners", EVERYTHING],
    ["'me' in owners", EVERYTHING],
    ["'bob@example.com' in writers", []],
    ["'ALICE@example.com' in readers", EVERYTHING],
    ["properties has { key='colour' and value='red' }", ["Valentine's \\ Day"]],
    ["properties has { key='colour' and value='blue' }", []],
    ["appProperties has { key='key' and value='it\\'s' }", ['sheet']],
    ["visibility = 'limited'", EVERYTHING],
    ['sharedWithMe', []],
    // `and` binds tighter than `or`.
    ["name = 'sheet' or name = 'sub' and mimeType = 'text/csv'", ['sheet']],
    ["(name = 'sheet' or name = 'sub') and mimeType = 'text/csv'", []],
    ["not (name = 'sheet' or name = 'sub') and trashed=false and not name contains 'h'", ["Valentine's \\ Day"]],
    ['((((starred=true))))', ['hello there']],
  ])('%s', async (q, names) => {
    expect(await namesOf(q)).toEqual([...names].sort());
  });

  test('a name with any characters is found by an exact search', async () => {
    const scratch = await alice.make({ name: 'scratch', mimeType: FOLDER });
    const nasty = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }).filter((name) => name.isWellFormed());
    await fc.assert(
      fc.asyncProperty(nasty, async (name) => {
        const id = google.drive.putFile({ name, bytes: '', parent: scratch });
        const { status, body } = await list(alice, `name = '${escaped(name)}' and '${scratch}' in parents`);
        expect([status, body.files?.map((file: { id: string }) => file.id)]).toEqual([200, [id]]);
        google.drive.removeFile(id);
      }),
      { numRuns: 60, seed: 7 },
    );
  });
});

describe('what q refuses', () => {
  test.each([
    "name = 'open",
    'name = hello',
    'name = "x"',
    "name 'x'",
    "name == 'x'",
    "nome = 'x'",
    "name < 'x'",
    "trashed = 'true'",
    "trashed contains 'x'",
    "mimeType has { key='a' and value='b' }",
    "'x' in name",
    "parents = 'x'",
    "name = 'x' and",
    "and name = 'x'",
    "name = 'x' name = 'y'",
    "(name = 'x'",
    "name = 'x')",
    "name = 'x' AND name = 'y'",
    "modifiedTime > 'yesterday'",
    "modifiedTime > '2012-13-45T00:00:00'",
    'modifiedTime > true',
    "name = 'a\\b'",
    "visibility = 'everybody'",
    "properties has { key='a' }",
    "properties has { value='a' and key='b' }",
    '()',
    'not',
    "constructor = 'x'",
    "'x' in __proto__",
    `${'('.repeat(500)}trashed=true${')'.repeat(500)}`,
    `${'not '.repeat(500)}trashed=true`,
  ])('%s', async (q) => {
    const refused = await list(alice, q);
    expect([refused.status, refused.body.error?.message, refused.body.error?.errors]).toEqual([
      400,
      'Invalid Value',
      [{ domain: 'global', reason: 'invalid', message: 'Invalid Value', location: 'q', locationType: 'parameter' }],
    ]);
  });

  test('terms of Drive that are not implemented here are named in the error', async () => {
    const refused = await list(alice, "fullText contains 'x'");
    expect([reasonOf(refused), refused.body.error.message]).toEqual([
      '501 notImplemented',
      'Not implemented by the local Google: the search term fullText.',
    ]);
  });

  test('no text causes another error', async () => {
    const piece = fc.constantFrom('name', "'x'", 'and', 'or', 'not', '(', ')', '=', 'in', 'parents', 'has', '{', "\\'");
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join(' ')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (q) => {
        expect([200, 400, 404]).toContain((await list(alice, q)).status);
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});

describe('where it looks', () => {
  const inDrive = () => `'${google.places.sharedDrive}' in parents`;
  const both = { supportsAllDrives: true, includeItemsFromAllDrives: true };

  test('a folder that the caller cannot see is not an empty folder', async () => {
    const refused = await list(bob, `'${folder}' in parents`);
    expect([reasonOf(refused), refused.body.error.message]).toEqual(['404 notFound', 'File not found: .']);
    expect(reasonOf(await list(bob, "'1nothing' in parents"))).toBe('404 notFound');
  });

  test('shared drives only when asked for both ways', async () => {
    const id = await courier.make({ name: 'in drive', parents: [google.places.sharedDrive] });
    expect(reasonOf(await list(courier, inDrive()))).toBe('404 notFound');
    expect((await list(courier, "name = 'in drive'")).body.files).toEqual([]);
    expect((await list(courier, inDrive(), { supportsAllDrives: true })).body.files).toEqual([]);
    expect(reasonOf(await list(courier, '', { includeItemsFromAllDrives: true }))).toBe('403 teamDrivesNotSupported');
    const found = [{ id, name: 'in drive' }];
    expect((await list(courier, "name = 'in drive'", both)).body.files).toEqual(found);
    expect((await list(courier, "name = 'in drive'", { ...both, corpora: 'allDrives' })).body.files).toEqual(found);
    const one = { ...both, corpora: 'drive', driveId: google.places.sharedDrive };
    expect((await list(courier, "name = 'in drive'", one)).body.files).toEqual(found);
  });

  test('corpora and driveId go together', async () => {
    const { sharedDrive, myDriveFolder } = google.places;
    const ask = async (query: Record<string, string | boolean>) => reasonOf(await list(courier, '', query));
    expect(await ask({ ...both, corpora: 'drive' })).toBe('400 invalid');
    expect(await ask({ ...both, corpora: 'user', driveId: sharedDrive })).toBe('400 invalid');
    expect(await ask({ supportsAllDrives: true, corpora: 'drive', driveId: sharedDrive })).toBe('400 invalid');
    expect(await ask({ ...both, corpora: 'drive', driveId: myDriveFolder })).toBe('404 notFound');
    expect(await ask({ ...both, corpora: 'drive', driveId: '0Anothing' })).toBe('404 notFound');
    expect(await ask({ ...both, corpora: 'everything' })).toBe('400 invalid');
    expect(await ask({ corpora: 'domain' })).toBe('501 notImplemented');
    expect(await ask({ spaces: 'appDataFolder' })).toBe('501 notImplemented');
  });

  test('what is shared by link alone is in nobody’s list, and can be got', async () => {
    const id = await alice.make({ name: 'by link' });
    await alice('POST', `/files/${id}/permissions`, { body: { type: 'anyone', role: 'reader' } });
    expect((await list(bob, "name = 'by link'")).body.files).toEqual([]);
    expect((await bob('GET', `/files/${id}`)).status).toBe(200);
    expect((await list(alice, "visibility = 'anyoneWithLink' and name = 'by link'")).body.files).toHaveLength(1);
  });

  test('shared with me', async () => {
    const id = await alice.make({ name: 'for bob' });
    google.drive.share(id, { email: 'bob@example.com', role: 'writer' });
    expect((await list(bob, "sharedWithMe and name contains 'for'")).body.files).toEqual([{ id, name: 'for bob' }]);
    expect((await list(bob, "'bob@example.com' in writers and name = 'for bob'")).body.files).toHaveLength(1);
    expect((await list(alice, "sharedWithMe and name = 'for bob'")).body.files).toEqual([]);
  });

  test('a new file can be read before a search finds it', async () => {
    google.drive.setLimits({ listLagMs: 3_600_000 });
    const id = await alice.make({ name: 'lagging' });
    expect((await list(alice, "name = 'lagging'")).body.files).toEqual([]);
    expect((await alice('GET', `/files/${id}`)).status).toBe(200);
    google.drive.setLimits({ listLagMs: 0 });
    expect((await list(alice, "name = 'lagging'")).body.files).toHaveLength(1);
  });
});

describe('pages and order', () => {
  let place: string;
  beforeAll(async () => {
    place = google.drive.createFolder({ name: 'pages', owner: 'alice@example.com' });
    for (const name of ['b10', 'b9', 'a', 'C', 'd']) google.drive.putFile({ name, bytes: name, parent: place });
    google.drive.createFolder({ name: 'z', parent: place });
  });
  const inPlace = (query: Record<string, string | number> = {}) => list(alice, `'${place}' in parents`, query);
  const ordered = async (orderBy: string): Promise<string[]> =>
    (await inPlace({ orderBy })).body.files.map(({ name }: { name: string }) => name);

  test.each([
    ['name', ['a', 'b10', 'b9', 'C', 'd', 'z']],
    ['name desc', ['z', 'd', 'C', 'b9', 'b10', 'a']],
    ['name_natural', ['a', 'b9', 'b10', 'C', 'd', 'z']],
    ['folder,name', ['z', 'a', 'b10', 'b9', 'C', 'd']],
    ['quotaBytesUsed desc,name desc', ['b10', 'b9', 'd', 'C', 'a', 'z']],
    // As on the real Drive: pubkey/google-drive-mock, test/advanced_ordering.test.ts.
    ['folder desc,name asc', ['a', 'b10', 'b9', 'C', 'd', 'z']],
  ])('%s', async (orderBy, names) => {
    expect(await ordered(orderBy)).toEqual(names);
  });

  test.each(['size', 'name up', 'name desc desc', ',', 'constructor'])('orderBy %s is none', async (orderBy) => {
    expect(reasonOf(await inPlace({ orderBy }))).toBe('400 invalid');
  });

  test('every file is on exactly one page, even while files are added and removed', async () => {
    const names: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await inPlace({ pageSize: 2, orderBy: 'name', ...(pageToken === undefined ? {} : { pageToken }) });
      names.push(...page.body.files.map(({ name }: { name: string }) => name));
      pageToken = page.body.nextPageToken;
      if (names.length === 2) google.drive.putFile({ name: '0', bytes: '', parent: place });
    } while (pageToken !== undefined);
    expect(names).toEqual(['a', 'b10', 'b9', 'C', 'd', 'z']);
  });

  test('a page token is valid for its search only, and page sizes are limited', async () => {
    const { nextPageToken } = (await inPlace({ pageSize: 1 })).body;
    expect(reasonOf(await list(alice, 'trashed = false', { pageToken: nextPageToken }))).toBe('400 invalid');
    expect(reasonOf(await inPlace({ pageToken: 'none' }))).toBe('400 invalid');
    expect(reasonOf(await inPlace({ pageSize: 0 }))).toBe('400 invalidParameter');
    expect(reasonOf(await inPlace({ pageSize: 1001 }))).toBe('400 invalidParameter');
  });
});
