import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

/** Files that the courier has made read-only, and that a destination without "readOnly" replaces. */

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places }) => ({
    locked: { folder: places.sharedDriveFolder, readOnly: true },
    plain: { folder: places.sharedDriveFolder },
  }));
  courier = await world.start();
}, 60_000);
afterAll(() => world?.close());

const stored = (id: string) => world.google.drive.state.store.files.get(id);
const replace = { onConflict: 'replace' };
const send = (destination: string, name: string, body: string, query: Record<string, string> = {}, type?: string) =>
  world.send(courier, body, {
    query: { destination, name, ...query },
    ...(type === undefined ? {} : { type }),
  });

describe('the restriction of the courier is lifted and restored', () => {
  test.each(['v2', 'v'.repeat(6_000_000)])('for other bytes', async (body) => {
    const name = `earlier-${body.length}.txt`;
    const first = await send('locked', name, 'v1');
    const second = await send('plain', name, body, replace);
    expect([second.status, second.receipt.id, second.receipt.outcome]).toEqual([200, first.receipt.id, 'replaced']);
    expect(stored(first.receipt.id)?.contentRestriction).toBeDefined();
    expect(stored(first.receipt.id)?.revisions).toHaveLength(2);
  });

  test.each(['append', 'replace'])('for rows with onConflict=%s', async (onConflict) => {
    const query = { convertTo: 'sheet', onConflict };
    const name = `sheet-${onConflict}`;
    const first = await send('locked', name, 'a,b\n1,2\n', query, 'text/csv');
    expect(stored(first.receipt.id)?.contentRestriction).toBeDefined();
    const second = await send('plain', name, 'a,b\n3,4\n', query, 'text/csv');
    expect([second.status, second.receipt.id]).toEqual([200, first.receipt.id]);
    expect(stored(first.receipt.id)?.contentRestriction).toBeDefined();
  });
});

test('a file that a person has unlocked since stays unlocked', async () => {
  const first = await send('locked', 'opened.txt', 'v1');
  const file = stored(first.receipt.id);
  if (file !== undefined) delete file.contentRestriction;
  const second = await send('plain', 'opened.txt', 'v2', replace);
  expect([second.status, second.receipt.id]).toEqual([200, first.receipt.id]);
  expect(stored(first.receipt.id)?.contentRestriction).toBeUndefined();
});

test('an upload session cannot replace it, as in a destination with readOnly', async () => {
  await send('locked', 'session.txt', 'v1');
  const { idToken, emails } = world.google.world;
  const token = idToken({ email: emails.exporter, audience: 'https://drive-courier.example' });
  const order = { destination: 'plain', name: 'session.txt', mimeType: 'text/plain', size: 3, ...replace };
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${courier.url}/v1/uploads`, { method: 'POST', headers, body: JSON.stringify(order) });
  expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'request-invalid' }]);
});
