import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

/** Only files that the courier creates are shared. An existing file keeps the sharing that a person gave it. */

const TIMEOUT_MS = 120_000;
const BODY = 'other bytes';

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places, world: { emails } }) => {
    const folder = places.sharedDriveFolder;
    return {
      unshared: { folder },
      shared: { folder, share: [{ type: 'group', email: emails.sales, role: 'reader' }] },
    };
  });
  courier = await world.start();
}, TIMEOUT_MS);
afterEach(() => world.google.faults.clear());
afterAll(() => world?.close());

const isShared = (id: string): boolean =>
  world.google.drive.state.store.files.get(id)?.permissions.some(({ type }) => type === 'group') ?? false;

/** A file in the folder that is not shared with anyone individually. */
const existing = async (name: string): Promise<string> => {
  const { status, receipt } = await world.send(courier, 'bytes', { query: { destination: 'unshared', name } });
  expect(status).toBe(201);
  return receipt.id;
};

const replacing = (name: string, onConflict = 'replace') => ({
  key: `key-of-${name}`,
  query: { destination: 'shared', name, onConflict },
});

test(
  'a replaced file is not shared, on the first receipt or a replay; a created file is shared',
  async () => {
    const id = await existing('replaced');
    for (const outcome of ['replaced', 'replayed']) {
      expect(await world.send(courier, BODY, replacing('replaced'))).toMatchObject({ receipt: { id, outcome } });
      expect(isShared(id)).toBe(false);
    }
    const made = await world.send(courier, BODY, replacing('made'));
    expect(made).toMatchObject({ receipt: { outcome: 'created' } });
    expect(isShared(made.receipt.id)).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  'a replacement by an earlier unconfirmed attempt is not shared by the next one either',
  async () => {
    const id = await existing('unanswered');
    world.google.faults.add([
      { method: 'PATCH', path: '/upload/*', nth: 1, fault: { kind: 'answer-lost' } },
      { method: 'PATCH', path: '/upload/*', nth: [2, 3, 4, 5, 6, 7, 8, 9, 10], fault: { kind: 'status', status: 503 } },
    ]);
    // The check before the next attempt finds the bytes there.
    expect(await world.send(courier, BODY, replacing('unanswered'))).toMatchObject({ status: 200, receipt: { id } });
    expect(isShared(id)).toBe(false);
    world.google.faults.clear();
    expect(await world.send(courier, BODY, replacing('unanswered'))).toMatchObject({ status: 200, receipt: { id } });
    expect(isShared(id)).toBe(false);
  },
  TIMEOUT_MS,
);

test(
  'a file replaced by an upload session is not shared; a created one is shared',
  async () => {
    const id = await existing('session');
    const { emails } = world.google.world;
    const token = world.google.world.idToken({ email: emails.exporter, audience: 'https://drive-courier.example' });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const post = async (path: string, body: object) => {
      const response = await fetch(`${courier.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      return (await response.json()) as Record<string, string>;
    };
    const send = async (name: string) => {
      const options = { destination: 'shared', name, onConflict: 'replace', mimeType: 'text/plain', size: BODY.length };
      const opened = await post('/v1/uploads', options);
      await fetch(opened.uploadUrl ?? '', { method: 'PUT', body: BODY });
      const sha256 = createHash('sha256').update(BODY).digest('hex');
      return post(`/v1/uploads/${opened.id}/complete`, { sha256 });
    };
    expect(await send('session')).toMatchObject({ id, outcome: 'replaced' });
    expect(isShared(id)).toBe(false);
    const made = await send('made-by-a-session');
    expect(made.outcome).toBe('created');
    expect(isShared(made.id ?? '')).toBe(true);
  },
  TIMEOUT_MS,
);
