import { describe, expect, test } from '@jest/globals';
import type { UploadTarget } from '../../../../src/drive/drive.ts';
import {
  findExisting,
  mediaTypeOf,
  metadataJson,
  refusedTarget,
  type Sender,
  uploadCall,
  withDigest,
} from '../../../../src/drive/upload/create-or-update.ts';
import { CourierError } from '../../../../src/errors.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';

const SHEET = 'application/vnd.google-apps.spreadsheet';
const NEW = { id: 'f1', name: 'report.csv', mimeType: 'text/csv', folderId: 'folder' };
const CREATE: UploadTarget & { kind: 'create' } = { kind: 'create', file: NEW };
const REPLACE: UploadTarget & { kind: 'replace' } = { kind: 'replace', id: 'a/b', mimeType: 'text/csv' };
const SOURCE = { mimeType: 'text/csv', size: 3, open: async function* () {} };

const senderOf = (file: ReturnType<typeof driveFile> | undefined, code: CourierError['code'] = 'drive-unavailable') =>
  ({ get: async () => file, request: {}, client: { error: () => new CourierError(code) } }) as unknown as Sender;

describe('the metadata of a file that is written over', () => {
  test.each<[string, UploadTarget, object]>([
    ['names the media type of the bytes', REPLACE, { mimeType: 'text/csv' }],
    ['names the type of a converted document', { ...REPLACE, convertTo: SHEET }, { mimeType: SHEET }],
    ['has the description', { ...REPLACE, description: 'x' }, { mimeType: 'text/csv', description: 'x' }],
  ])('%s', (_, target, metadata) => {
    expect(JSON.parse(metadataJson(target))).toEqual(metadata);
  });
});

test('the metadata of a new file names its id, its name and its folder', () => {
  expect(JSON.parse(metadataJson(CREATE))).toMatchObject({ id: 'f1', name: 'report.csv', parents: ['folder'] });
});

test.each([
  ['text/csv', 'text/csv'],
  ['text/csv; charset=utf-8', 'text/csv; charset=utf-8'],
  ['text/ü', 'application/octet-stream'],
  [' text/csv', 'application/octet-stream'],
  ['text/csv\n', 'application/octet-stream'],
  ['', 'application/octet-stream'],
])('the media type %j is sent as %j', (mimeType, sent) => {
  expect(mediaTypeOf({ ...REPLACE, mimeType })).toBe(sent);
  expect(mediaTypeOf({ kind: 'create', file: { ...NEW, mimeType } })).toBe(sent);
});

test.each([true, false, undefined])('a revision is kept forever only on request: %s', (keepRevisionForever) => {
  const file = { ...NEW, keepRevisionForever };
  for (const target of [{ ...REPLACE, keepRevisionForever }, { kind: 'create', file } as const]) {
    const { searchParams } = new URL(uploadCall(target, 'multipart').url);
    expect(searchParams.get('keepRevisionForever')).toBe(keepRevisionForever === true ? 'true' : null);
  }
});

test('a new file is created, and an existing one updated', () => {
  expect(uploadCall(CREATE, 'resumable')).toMatchObject({
    ...{ operation: 'drive.files.create', method: 'POST' },
    url: expect.stringMatching(/\/files\?uploadType=resumable&supportsAllDrives=true&fields=/),
  });
  expect(uploadCall(REPLACE, 'multipart')).toMatchObject({
    ...{ operation: 'drive.files.update', method: 'PATCH' },
    url: expect.stringMatching(/\/files\/a%2Fb\?uploadType=multipart&supportsAllDrives=true&fields=/),
  });
});

describe('the digest of the bytes as a property', () => {
  const wanted = { source: SOURCE, maxBytes: 9, digestProperty: 'digest' };

  test('is added to a new file, beside its other properties', () => {
    const file = { ...NEW, appProperties: { key: 'k' } };
    const target = withDigest({ kind: 'create', file }, wanted, 'abc');
    expect(target).toEqual({ kind: 'create', file: { ...file, appProperties: { key: 'k', digest: 'abc' } } });
  });

  test('is the announced one where the bytes are not known yet', () => {
    expect(withDigest(CREATE, { ...wanted, expectedSha256: 'def' })).toMatchObject({
      file: { appProperties: { digest: 'def' } },
    });
  });

  test.each<[string, UploadTarget, object, string | undefined]>([
    ['of an existing file', REPLACE, wanted, 'abc'],
    ['that nobody wants', CREATE, { ...wanted, digestProperty: undefined }, 'abc'],
    ['that is not known', CREATE, wanted, undefined],
  ])('is not added: one %s', (_, target, request, sha256) => {
    expect(withDigest(target, request as typeof wanted, sha256)).toBe(target);
  });
});

describe('a file that Drive has under the id', () => {
  const target: UploadTarget & { kind: 'create' } = {
    kind: 'create',
    file: { ...NEW, appProperties: { try: '1', key: 'k' } },
  };

  test.each<[string, Record<string, string>, UploadTarget & { kind: 'create' }, object]>([
    [
      'with all properties of this try was written by it',
      { try: '1', key: 'k', more: 'x' },
      target,
      { kind: 'written', isAnswer: false },
    ],
    ['with some of them was not', { try: '2', key: 'k' }, target, { kind: 'exists' }],
    ['without them was not', {}, target, { kind: 'exists' }],
    ['was not where this try has none', { try: '1' }, CREATE, { kind: 'exists' }],
  ])('%s', async (_, appProperties, wanted, result) => {
    expect(await findExisting(senderOf(driveFile({ appProperties })), wanted)).toMatchObject(result);
  });

  test('and does not show makes the id unusable', async () => {
    expect(await findExisting(senderOf(undefined), target)).toMatchObject({ kind: 'id-unusable', why: 'not-shown' });
  });
});

describe('a refusal', () => {
  const answer = (status: number) => ({ status, headers: {}, body: Buffer.alloc(0) });
  const withoutId: UploadTarget = { kind: 'create', file: { name: 'a', mimeType: 'text/csv', folderId: 'folder' } };

  test.each<[string, number, UploadTarget, object]>([
    ['409 for a new id: the file exists', 409, CREATE, { kind: 'exists' }],
    ['409 without an id is an error', 409, withoutId, { code: 'drive-full' }],
    ['409 for an existing file is an error', 409, REPLACE, { code: 'drive-full' }],
    ['404 for an existing file: it was removed', 404, REPLACE, { code: 'drive-unavailable' }],
    [
      '404 for a new file: its folder is missing',
      404,
      CREATE,
      { kind: 'folder-missing', error: { code: 'drive-full' } },
    ],
    ['anything else is an error', 403, CREATE, { code: 'drive-full' }],
  ])('%s', async (_, status, target, expected) => {
    const refused = refusedTarget(senderOf(driveFile(), 'drive-full'), target, answer(status));
    expect(await refused.catch((error: unknown) => error)).toMatchObject(expected);
  });
});
