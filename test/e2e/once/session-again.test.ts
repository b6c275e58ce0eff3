import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type BadDay, startBadDay } from '../../bad-days/bad-day.ts';

/** A caller that lost the answer to its last call begins again from the first, with the same key. */

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

test('an upload that was completed is opened again with its key: the same session, the same receipt, one file', async () => {
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

test('other bytes than were announced are removed, and are told; of what is complete already, the file stays', async () => {
  const sha256 = createHash('sha256').update(BODY).digest('hex');
  const upload = async (name: string): Promise<string> => {
    const { json } = await post('/v1/uploads', { ...ORDER, name });
    expect((await fetch(json.uploadUrl ?? '', { method: 'PUT', body: BODY })).ok).toBe(true);
    return `/v1/uploads/${json.id}/complete`;
  };
  const wrong = { sha256: '0'.repeat(64) };
  const refused = await post(await upload('announced-removed.csv'), wrong);
  expect([refused.status, refused.json.code]).toEqual([422, 'digest-mismatch']);
  expect(refused.json.detail).toContain(`removed: ${BODY.length} bytes with the SHA-256 ${sha256}`);
  // A content manager of a shared drive removes by putting into the trash.
  const removed = day.google.drive.files().find(({ name }) => name === 'announced-removed.csv');
  expect(removed?.trashed ?? true).toBe(true);

  const complete = await upload('announced-kept.csv');
  expect((await post(complete, { sha256 })).status).toBe(201);
  const late = await post(complete, wrong);
  expect([late.status, late.json.code]).toEqual([422, 'digest-mismatch']);
  expect(late.json.detail).toContain(`complete already, and its file has the SHA-256 ${sha256}`);
  expect(late.json.remedy).toContain('stays');
  expect(day.filesOf('announced-kept')).toEqual(['announced-kept.csv']);
}, 60_000);
