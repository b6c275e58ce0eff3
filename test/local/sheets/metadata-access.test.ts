import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { apiOf, DRIVE_SCOPE, SHEET } from '../drive/drive-api.ts';
import { append, mark, newSpreadsheet, row, type SheetsApi, sheetsOf, statusOf } from './sheets-api.ts';

let google: LocalGoogle;
let api: SheetsApi;
let id: string;
beforeAll(async () => {
  google = await startLocalGoogle();
  api = sheetsOf(google, google.world.emails.courier, [DRIVE_SCOPE]);
});
beforeEach(async () => {
  id = await newSpreadsheet(google);
});
afterAll(() => google.close());

const search = async (...dataFilters: object[]): Promise<number[]> => {
  const { body } = await api('POST', `/${id}/developerMetadata:search`, { body: { dataFilters } });
  return (body.matchedDeveloperMetadata ?? []).map(
    (match: { developerMetadata: { metadataId: number } }) => match.developerMetadata.metadataId,
  );
};

describe('developer metadata', () => {
  test('is found by its ID, key, value, place and range', async () => {
    await api.batch(id, mark(1, 'k', 'x'), mark(2, 'k', 'y'));
    expect((await api('GET', `/${id}/developerMetadata/2`)).body).toMatchObject({ metadataValue: 'y' });
    expect(await search({ developerMetadataLookup: { metadataId: 1 } })).toEqual([1]);
    expect(await search({ developerMetadataLookup: { metadataKey: 'k', metadataValue: 'y' } })).toEqual([2]);
    expect(await search({ developerMetadataLookup: { locationType: 'SHEET' } })).toEqual([1, 2]);
    expect(await search({ developerMetadataLookup: { metadataId: 3 } }, { a1Range: 'Sheet1!A1' })).toEqual([1, 2]);
    const missing = await api('GET', `/${id}/developerMetadata/3`);
    expect([statusOf(missing), missing.body.error.message]).toEqual([
      '404 NOT_FOUND',
      'No developer metadata with ID 3.',
    ]);
  });

  test('a second one with the same ID fails the whole batch', async () => {
    await api.batch(id, mark(1), append(row('first')));
    expect(statusOf(await api.batch(id, append(row('second')), mark(1)))).toBe('400 INVALID_ARGUMENT');
    expect(google.sheets.rowsOf(id)).toEqual([['first']]);
  });

  test('with the other reading, a second one with the same ID is added', async () => {
    google.sheets.setLimits({ duplicateMetadataIds: 'allow' });
    await api.batch(id, mark(1), append(row('first')));
    expect((await api.batch(id, append(row('second')), mark(1))).status).toBe(200);
    expect(await search({ developerMetadataLookup: { metadataId: 1 } })).toEqual([1, 1]);
    google.sheets.setLimits({ duplicateMetadataIds: 'refuse' });
  });

  test.each([0, -1, 2 ** 31, 1.5])('the ID %s is refused', async (metadataId) => {
    expect(statusOf(await api.batch(id, mark(metadataId)))).toBe('400 INVALID_ARGUMENT');
  });

  test('has 30,000 characters for the spreadsheet and again for each sheet', async () => {
    const inSpreadsheet = {
      createDeveloperMetadata: {
        developerMetadata: { metadataKey: 'k'.repeat(30_000), visibility: 'DOCUMENT', location: { spreadsheet: true } },
      },
    };
    expect((await api.batch(id, mark(1, 'k', 'v'.repeat(29_999)), inSpreadsheet)).status).toBe(200);
    expect(statusOf(await api.batch(id, mark(2, 'k', '')))).toBe('400 INVALID_ARGUMENT');
  });

  test('is updated, deleted, and ends with its sheet', async () => {
    await api.batch(id, { addSheet: { properties: { sheetId: 9 } } });
    await api.batch(id, mark(1), mark(2));
    const updated = await api.batch(id, {
      updateDeveloperMetadata: {
        dataFilters: [{ developerMetadataLookup: { metadataId: 1 } }],
        developerMetadata: { metadataValue: 'new' },
        fields: 'metadataValue',
      },
    });
    expect(updated.body.replies[0].updateDeveloperMetadata.developerMetadata).toMatchObject([{ metadataValue: 'new' }]);
    const deleted = await api.batch(id, {
      deleteDeveloperMetadata: { dataFilter: { developerMetadataLookup: { metadataId: 2 } } },
    });
    expect(deleted.body.replies[0].deleteDeveloperMetadata.deletedDeveloperMetadata).toMatchObject([{ metadataId: 2 }]);
    expect(google.sheets.metadataOf(id).map((entry) => entry.id)).toEqual([1]);
    await api.batch(id, { deleteSheet: { sheetId: 0 } });
    expect(google.sheets.metadataOf(id)).toEqual([]);
  });
});

describe('access', () => {
  const get = async (who: SheetsApi, file = id) => statusOf(await who('GET', `/${file}`));

  test('follows the permissions of the Drive file', async () => {
    const { alice, bob, stranger } = google.world.emails;
    expect(await get(sheetsOf(google, alice))).toBe('200 ');
    expect(await get(sheetsOf(google, stranger))).toBe('403 PERMISSION_DENIED');
    expect(statusOf(await sheetsOf(google, bob).batch(id, append(row('a'))))).toBe('403 PERMISSION_DENIED');
    expect(await get(api, 'nothing')).toBe('404 NOT_FOUND');
    expect(await get(api, google.places.sharedDrive)).toBe('404 NOT_FOUND');
    const text = google.drive.putFile({ name: 'a.txt', bytes: 'a', parent: google.places.sharedDrive });
    expect(await get(api, text)).toBe('400 FAILED_PRECONDITION');
  });

  test('needs a scope: drive.file for what the app created, read-only ones for reading', async () => {
    const { courier, alice } = google.world.emails;
    const as = (email: string, scope: string) => sheetsOf(google, email, [`https://www.googleapis.com/auth/${scope}`]);
    expect(await get(as(courier, 'drive.file'))).toBe('200 ');
    expect(await get(as(alice, 'drive.file'))).toBe('404 NOT_FOUND');
    expect(await get(as(alice, 'spreadsheets.readonly'))).toBe('200 ');
    expect(await get(as(alice, 'drive.metadata'))).toBe('403 PERMISSION_DENIED');
    expect(statusOf(await as(alice, 'drive.readonly').batch(id, append(row('a'))))).toBe('403 PERMISSION_DENIED');
    expect(statusOf(await fetchWithoutToken())).toBe('401 UNAUTHENTICATED');
  });

  const fetchWithoutToken = async () => {
    const response = await fetch(`${google.origin}/sheets.googleapis.com/v4/spreadsheets/${id}`);
    // biome-ignore lint/suspicious/noExplicitAny: as in sheets-api.ts
    return { status: response.status, body: (await response.json()) as any };
  };

  test('the API must be enabled', async () => {
    google.world.disableApi('sheets.googleapis.com');
    expect(await get(api)).toBe('403 PERMISSION_DENIED');
    google.world.enableApi('sheets.googleapis.com');
  });

  test('people create spreadsheets in their My Drive; service accounts have no storage for them', async () => {
    const { alice } = google.world.emails;
    const { body } = await sheetsOf(google, alice)('POST', '', {
      body: {
        properties: { title: 'New' },
        sheets: [{ properties: { title: 'Tab' }, data: [{ rowData: [row('a', 1)] }] }],
      },
    });
    expect(body).toMatchObject({
      properties: { title: 'New' },
      sheets: [{ properties: { sheetId: 0, title: 'Tab' } }],
    });
    expect(body.spreadsheetUrl).toBe(`${google.origin}/spreadsheets/d/${body.spreadsheetId}/edit`);
    expect(google.sheets.rowsOf(body.spreadsheetId)).toEqual([['a', 1]]);
    expect((await apiOf(google, alice)('GET', `/files/${body.spreadsheetId}`)).body).toMatchObject({
      name: 'New',
      mimeType: SHEET,
    });
    expect(statusOf(await api('POST', '', { body: {} }))).toBe('403 PERMISSION_DENIED');
  });
});

test('requests are counted for each user when the quota is enforced', async () => {
  google.sheets.setLimits({ enforceQuota: true, requestsPerMinutePerUser: 1 });
  expect((await api('GET', `/${id}`)).status).toBe(200);
  const answer = await api('GET', `/${id}`);
  expect([statusOf(answer), answer.body.error.details[0].reason]).toEqual([
    '429 RESOURCE_EXHAUSTED',
    'RATE_LIMIT_EXCEEDED',
  ]);
  // Writes are counted apart.
  expect((await api.batch(id, append(row('a')))).status).toBe(200);
  google.sheets.setLimits({ enforceQuota: false, requestsPerMinutePerUser: 60 });
});

test('methods and parameters are those of the discovery document', async () => {
  expect(statusOf(await api('POST', `/${id}/sheets/0:copyTo`, { body: {} }))).toBe('501 UNIMPLEMENTED');
  expect(statusOf(await api('GET', `/${id}`, { query: { includeGrid: true } }))).toBe('400 INVALID_ARGUMENT');
  expect(statusOf(await api('GET', `/${id}`, { query: { fields: 'sheets.nothing' } }))).toBe('400 INVALID_ARGUMENT');
  expect((await api('GET', `/${id}`, { query: { fields: 'sheets(properties.title)' } })).body).toEqual({
    sheets: [{ properties: { title: 'Sheet1' } }],
  });
});

test('a lost answer comes after the change', async () => {
  google.faults.add({ host: 'sheets.googleapis.com', path: '*:batchUpdate', times: 1, fault: { kind: 'answer-lost' } });
  await expect(api.batch(id, append(row('a')))).rejects.toThrow();
  expect(google.sheets.rowsOf(id)).toEqual([['a']]);
});

test('content and metadata survive a restart', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'sheets-'));
  const first = await startLocalGoogle({ dataDir });
  const file = await newSpreadsheet(first, 'kept');
  const there = sheetsOf(first, first.world.emails.courier);
  await there.batch(file, append(row('a', 1), row('b', 2), row('c', 3)), mark(1), mark(2));
  await there.batch(
    file,
    { deleteDimension: { range: { sheetId: 0, dimension: 'ROWS', startIndex: 1, endIndex: 2 } } },
    { deleteDeveloperMetadata: { dataFilter: { developerMetadataLookup: { metadataId: 1 } } } },
    { addSheet: { properties: { title: 'Other' } } },
  );
  const before = [first.sheets.tabsOf(file), first.sheets.metadataOf(file)];
  await first.close();
  const second = await startLocalGoogle({ dataDir });
  expect([second.sheets.tabsOf(file), second.sheets.metadataOf(file)]).toEqual(before);
  await second.close();
  rmSync(dataDir, { recursive: true });
});
