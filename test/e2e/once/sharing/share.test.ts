import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

const TIMEOUT_MS = 120_000;

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places, world: { emails } }) => {
    const folder = places.sharedDriveFolder;
    return {
      quiet: {
        folder,
        share: [
          { type: 'group', email: emails.sales, role: 'reader' },
          { type: 'domain', domain: 'example.com', role: 'commenter' },
        ],
      },
      mailing: { folder, share: [{ type: 'user', email: emails.bob, role: 'writer', notify: true }] },
      public: { folder, allowAnyone: true, share: [{ type: 'anyone', role: 'reader' }] },
    };
  });
  courier = await world.start();
}, TIMEOUT_MS);
afterAll(() => world?.close());
afterEach(() => world.google.faults.clear());

const permissionsOf = (id: string) =>
  world.google.drive.state.store.files.get(id)?.permissions.map(({ type, role }) => `${type} ${role}`) ?? [];

const send = (destination: string, name: string, key?: string) =>
  world.send(courier, 'x', { query: { destination, name }, ...(key === undefined ? {} : { key }) });

test('a file is shared as its destination specifies, without notification mail', async () => {
  const { status, receipt } = await send('quiet', 'quiet.txt');
  expect(status).toBe(201);
  expect(receipt).not.toHaveProperty('warnings');
  expect(permissionsOf(receipt.id)).toEqual(expect.arrayContaining(['group reader', 'domain commenter']));
  expect(world.google.drive.mails()).toEqual([]);
});

test('mail is sent only if "notify" is set', async () => {
  const { receipt } = await send('mailing', 'mailing.txt');
  expect(permissionsOf(receipt.id)).toEqual(expect.arrayContaining(['user writer']));
  expect(world.google.drive.mails()).toHaveLength(1);
});

test('link sharing happens only if the destination allows it', async () => {
  const { receipt } = await send('public', 'public.txt');
  expect(permissionsOf(receipt.id)).toEqual(expect.arrayContaining(['anyone reader']));
  const { share: _, ...rest } = { folder: 'x-folder', allowAnyone: false, share: [] };
  const env = {
    COURIER_CONFIG: JSON.stringify({
      audiences: ['https://a.example'],
      credentials: { main: { file: world.google.world.keyFiles.courier } },
      destinations: {
        d: { ...rest, credentials: 'main', callers: ['a@example.com'], share: [{ type: 'anyone', role: 'reader' }] },
      },
    }),
  };
  await expect(world.start({ env })).rejects.toThrow(/exited with code 78[\s\S]*allowAnyone/);
});

test('a file that cannot be shared is still delivered, with a warning that a replay repeats', async () => {
  world.google.faults.add({
    method: 'POST',
    path: '*/permissions',
    nth: 1,
    fault: { kind: 'status', status: 403, reason: 'insufficientFilePermissions' },
  });
  const { status, receipt } = await send('quiet', 'warned.txt', 'warned');
  expect(status).toBe(201);
  expect(receipt.warnings).toEqual([expect.stringMatching(/^Not shared with the group as reader: /)]);
  expect(permissionsOf(receipt.id)).toContain('domain commenter');
  expect(await send('quiet', 'warned.txt', 'warned')).toMatchObject({
    status: 200,
    receipt: { ...receipt, outcome: 'replayed' },
  });
});

test(
  "sharing is retried after Drive's rate limit",
  async () => {
    world.google.faults.add({
      method: 'POST',
      path: '*/permissions',
      times: 2,
      fault: { kind: 'status', status: 403, reason: 'sharingRateLimitExceeded' },
    });
    const { receipt } = await send('quiet', 'patient.txt');
    expect(receipt).not.toHaveProperty('warnings');
    expect(permissionsOf(receipt.id)).toEqual(expect.arrayContaining(['group reader', 'domain commenter']));
  },
  TIMEOUT_MS,
);

test(
  'a permission whose response was lost exists once',
  async () => {
    world.google.faults.add({ method: 'POST', path: '*/permissions', nth: 1, fault: { kind: 'answer-lost' } });
    const { receipt } = await send('quiet', 'lost.txt');
    expect(receipt).not.toHaveProperty('warnings');
    expect(permissionsOf(receipt.id).filter((permission) => permission === 'group reader')).toHaveLength(1);
  },
  TIMEOUT_MS,
);
