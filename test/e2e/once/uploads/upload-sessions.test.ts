import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type BadDay, startBadDay } from '../../../bad-days/bad-day.ts';

/**
 * Upload sessions: whatever is lost, changed or concurrent, a key creates one file, and no caller loses a file to
 * another.
 */

const BODY = 'a,b\n1,2\n';
const ORDER = { destination: 'reports', name: 'again.csv', mimeType: 'text/csv', size: BODY.length };

let day: BadDay;
let courier: CourierProcess;
beforeAll(async () => {
  day = await startBadDay();
  courier = await day.start();
}, 60_000);
afterAll(() => day?.close());

const post = async (path: string, body: object, key?: string) => {
  const headers = {
    authorization: `Bearer ${day.token()}`,
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  const response = await fetch(`${courier.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, json: (await response.json()) as Record<string, string> };
};

test('a completed upload that is opened again with its key returns the same session, the same receipt and one file', async () => {
  const opened = await post('/v1/uploads', ORDER, 'k');
  expect(opened.status).toBe(201);
  const { id, uploadUrl = '' } = opened.json;
  expect((await fetch(uploadUrl, { method: 'PUT', body: BODY })).ok).toBe(true);
  const first = await post(`/v1/uploads/${id}/complete`, {});
  expect([first.status, first.json.outcome]).toEqual([201, 'created']);

  expect(await post('/v1/uploads', ORDER, 'k')).toEqual(opened);
  const again = await post(`/v1/uploads/${id}/complete`, {});
  expect([again.status, again.json]).toEqual([200, { ...first.json, outcome: 'replayed' }]);
  expect(day.filesOf('again')).toEqual(['again.csv']);
  expect((await post('/v1/uploads', { ...ORDER, name: 'again-other.csv' }, 'k')).json.code).toBe(
    'idempotency-key-reused',
  );
}, 60_000);

test.each(['new', 'replace'])(
  'an upload is opened in the folder that replaces a deleted one: %s',
  async (onConflict) => {
    const path = `deleted-${onConflict}`;
    const order = { ...ORDER, path, onConflict };
    expect((await post('/v1/uploads', order)).status).toBe(201);
    const folders = () => day.google.drive.files().filter((file) => file.name === path);
    const [former] = folders();
    day.google.drive.removeFile(former?.id ?? '');
    for (const key of [undefined, path]) {
      const opened = await post('/v1/uploads', order, key);
      expect([opened.status, opened.json.code]).toEqual([201, undefined]);
      expect((await fetch(opened.json.uploadUrl ?? '', { method: 'PUT', body: BODY })).ok).toBe(true);
    }
    expect(folders()).toHaveLength(1);
  },
  60_000,
);

const shaOf = (body: string): { sha256: string } => ({ sha256: createHash('sha256').update(body).digest('hex') });
const { sha256 } = shaOf(BODY);
const WRONG = { sha256: '0'.repeat(64) };
const filesNamed = (name: string) => day.google.drive.files().filter((file) => file.name === name && !file.trashed);
const contentOf = (name: string): string[] => filesNamed(name).map(({ id }) => day.google.drive.bytesOf(id).toString());

const openUpload = async (order: object, key?: string) => {
  const { status, json } = await post('/v1/uploads', { ...ORDER, ...order }, key);
  expect(status).toBe(201);
  return {
    put: (body: string) => fetch(json.uploadUrl ?? '', { method: 'PUT', body }),
    complete: `/v1/uploads/${json.id}/complete`,
  };
};
/** Opens an upload and fills it. Returns the address to complete it. */
const fill = async (order: object, key?: string, body = BODY): Promise<{ complete: string }> => {
  const { put, complete } = await openUpload(order, key);
  await put(body);
  return { complete };
};

test.each([undefined, 'new', 'replace', 'fail'])(
  'bytes that differ from what was announced are removed permanently (onConflict %s), and the key can send the file again',
  async (onConflict) => {
    const name = `announced-${onConflict}.csv`;
    const order = { name, ...(onConflict === undefined ? {} : { onConflict }) };
    const key = `announced-${onConflict}`;
    for (const turn of [1, 2]) {
      const { complete } = await fill(order, key);
      const refused = await post(complete, WRONG);
      expect([turn, refused.status, refused.json.code]).toEqual([turn, 422, 'digest-mismatch']);
      expect(refused.json.detail).toContain(`announced: ${BODY.length} bytes with the SHA-256 ${sha256}`);
      // A caller that lost that response gets it again, and no receipt for a missing file.
      for (const announced of [WRONG, { sha256 }, {}]) {
        expect((await post(complete, announced)).json.code).toBe('digest-mismatch');
      }
      expect(filesNamed(name)).toEqual([]);
    }
    const { complete } = await fill(order, key);
    const receipt = await post(complete, { sha256 });
    expect([receipt.status, receipt.json.outcome]).toEqual([201, 'created']);
    expect(contentOf(name)).toEqual([BODY]);
    const again = await fill(order, key);
    expect((await post(again.complete, { sha256 })).json).toEqual({ ...receipt.json, outcome: 'replayed' });
  },
  60_000,
);

test('a file to be replaced is restored after wrong bytes came, and is then replaced by the right ones', async () => {
  const name = 'announced-former.csv';
  expect((await post((await fill({ name }, 'former', BODY)).complete, { sha256 })).status).toBe(201);
  const order = { name, onConflict: 'replace', size: 4 };
  for (const announced of [WRONG, WRONG]) {
    const { complete } = await fill(order, 'former-again', 'abcd');
    expect((await post(complete, announced)).json.code).toBe('digest-mismatch');
    expect((await post(complete, announced)).json.code).toBe('digest-mismatch');
    expect(contentOf(name)).toEqual([BODY]);
  }
  const { complete } = await fill(order, 'former-again', 'abcd');
  expect((await post(complete, {})).json.outcome).toBe('replaced');
  expect(contentOf(name)).toEqual(['abcd']);
}, 60_000);

test('a file in the trash has no receipt, and its key can send the file again', async () => {
  const order = { name: 'announced-trashed.csv' };
  const { complete } = await fill(order, 'trashed');
  const [file] = filesNamed(order.name);
  day.google.drive.setTrashed(file?.id ?? '', true);
  for (const turn of [1, 2]) {
    const { status, json } = await post(complete, { sha256 });
    expect([turn, status, json.code]).toEqual([turn, 409, 'upload-incomplete']);
    expect(json.detail).toContain('trash');
  }
  expect((await post((await fill(order, 'trashed')).complete, { sha256 })).status).toBe(201);
  expect(contentOf(order.name)).toEqual([BODY]);
}, 60_000);

test('a key is bound to one size, and once complete to its bytes; the file remains', async () => {
  const order = { name: 'announced-kept.csv' };
  const { complete } = await fill(order, 'kept');
  const other = await post('/v1/uploads', { ...ORDER, ...order, size: 9 }, 'kept');
  expect([other.status, other.json.code]).toEqual([422, 'idempotency-key-reused']);
  expect((await post(complete, { sha256 })).status).toBe(201);
  const late = await post(complete, WRONG);
  expect([late.status, late.json.code]).toEqual([422, 'idempotency-key-reused']);
  expect(late.json.detail).toContain(sha256);
  const keyless = await fill({ name: 'announced-keyless.csv' });
  expect((await post(keyless.complete, { sha256 })).status).toBe(201);
  expect((await post(keyless.complete, WRONG)).json.code).toBe('digest-mismatch');
  expect(contentOf(order.name)).toEqual([BODY]);
}, 60_000);

test.each(['new', 'fail', 'replace'])(
  'a session that Drive has forgotten is replaced under its key (onConflict %s)',
  async (onConflict) => {
    const order = { ...ORDER, name: `forgotten-${onConflict}.csv`, onConflict };
    if (onConflict === 'replace') await post((await fill({ name: order.name }, 'forgotten')).complete, {});
    const key = `forgotten-${onConflict}`;
    const first = await post('/v1/uploads', order, key);
    await fetch(first.json.uploadUrl ?? '', { method: 'DELETE' });
    for (const turn of [1, 2]) {
      const { status, json } = await post(`/v1/uploads/${first.json.id}/complete`, { sha256 });
      expect([turn, status, json.code]).toEqual([turn, 409, 'upload-incomplete']);
      expect([json.detail, json.remedy]).toEqual([
        expect.stringContaining('session has ended'),
        expect.stringContaining('Open a new upload'),
      ]);
    }
    const { json } = await post((await fill(order, key)).complete, { sha256 });
    expect([json.outcome, json.idempotencyKey]).toEqual([onConflict === 'replace' ? 'replaced' : 'created', key]);
    expect(contentOf(order.name)).toEqual([BODY]);
  },
  60_000,
);

test('the first check decides for all: no file with a receipt is removed', async () => {
  for (let turn = 0; turn < 12; turn++) {
    const order = { name: `judged-${turn}.csv` };
    const { complete } = await fill(order, `judged-${turn}`);
    const announced = [{ sha256 }, WRONG, { sha256 }, WRONG, {}];
    const answers = await Promise.all(
      [...announced.slice(turn % 5), ...announced.slice(0, turn % 5)].map((body) => post(complete, body)),
    );
    const receipts = answers.filter(({ status }) => status < 300);
    const files = filesNamed(order.name);
    // All or nothing: a rejected caller was rejected because the others were not, or together with them.
    expect({ turn, receipts: receipts.length, files: files.length }).toEqual(
      receipts.length > 0 ? { turn, receipts: 3, files: 1 } : { turn, receipts: 0, files: 0 },
    );
    expect(new Set(receipts.map(({ json }) => json.id))).toEqual(new Set(files.map(({ id }) => id)));
    if (receipts.length > 0) expect(receipts.filter(({ status }) => status === 201)).toHaveLength(1);
  }
}, 60_000);

/** Another delivery, without an upload session. */
const replaceHere = async (name: string, body: string): Promise<void> => {
  const headers = { authorization: `Bearer ${day.token()}`, 'content-type': 'text/csv' };
  const query = new URLSearchParams({ destination: 'reports', name, onConflict: 'replace' });
  const response = await fetch(`${courier.url}/v1/files?${query}`, { method: 'POST', headers, body });
  expect((await response.json()) as object).toMatchObject({ outcome: 'replaced' });
};

test.each(['replace', 'fail', 'skip'])(
  'of two uploads for one name, the late one does not affect the other (onConflict %s)',
  async (onConflict) => {
    const order = { name: `late-${onConflict}.csv`, size: 4, onConflict };
    const [one, other] = [await openUpload(order, `one-${onConflict}`), await openUpload(order, `other-${onConflict}`)];
    await one.put('AAAA');
    const receipt = await post(one.complete, shaOf('AAAA'));
    expect(receipt.status).toBe(201);
    await other.put('BBBB');
    for (const announced of [shaOf('BBBB'), {}]) {
      expect((await post(other.complete, announced)).json.code).toBe('upload-incomplete');
    }
    expect(contentOf(order.name)).toEqual(['AAAA']);
    // Its key continues with the current state of the name.
    if (onConflict === 'replace') {
      const next = await openUpload(order, `other-${onConflict}`);
      await next.put('BBBB');
      expect((await post(next.complete, shaOf('BBBB'))).json).toMatchObject({
        outcome: 'replaced',
        id: receipt.json.id,
      });
      expect(contentOf(order.name)).toEqual(['BBBB']);
    } else {
      expect((await post('/v1/uploads', { ...ORDER, ...order }, `other-${onConflict}`)).json.code).toBe('name-taken');
    }
  },
  60_000,
);

test.each([shaOf('AAAA'), {}])(
  'what others write to the file before an upload is complete remains, and the upload is sent again (%j)',
  async (announced) => {
    for (const [turn, later] of ['BBBBBBBBBB', 'BBBB'].entries()) {
      const name = `since-${turn}-${Object.keys(announced).length}.csv`;
      const order = { name, size: 4, onConflict: 'replace' };
      const made = await openUpload(order, `${name}-made`);
      await made.put('AAAA');
      await replaceHere(name, later);
      expect((await post(made.complete, announced)).json.code).toBe('upload-incomplete');
      expect(contentOf(name)).toEqual([later]);

      const [first, second] = [await openUpload(order, `${name}-first`), await openUpload(order, `${name}-second`)];
      await first.put('CCCC');
      await second.put('DDDD');
      const [before, after] = [shaOf('CCCC'), shaOf('DDDD')];
      expect((await post(second.complete, after)).json.outcome).toBe('replaced');
      expect((await post(first.complete, Object.keys(announced).length === 0 ? {} : before)).json.code).toBe(
        'upload-incomplete',
      );
      expect(contentOf(name)).toEqual(['DDDD']);
    }
  },
  60_000,
);

test('an upload whose folder is temporarily invisible is not abandoned, which would leave two files', async () => {
  const { google } = day;
  const order = { name: 'unseen.csv', onConflict: 'fail' };
  const upload = await openUpload(order, 'unseen');
  await upload.put(BODY);
  google.drive.unshare(google.places.sharedDrive, google.world.emails.courier);
  const unseen = await post(upload.complete, { sha256 });
  expect([unseen.status, unseen.json.code]).toEqual([502, 'folder-not-found']);
  google.drive.share(google.places.sharedDrive, { email: google.world.emails.courier, role: 'fileOrganizer' });
  expect((await post(upload.complete, { sha256 })).status).toBe(201);
  expect(contentOf(order.name)).toEqual([BODY]);
}, 60_000);
