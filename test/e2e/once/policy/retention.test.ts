import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { keepMark } from '../../../../src/delivery/resolve-options.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

/** Retention: what goes to the trash after a delivery, and above all what does not. */

const TIMEOUT_MS = 60_000;

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places }) => {
    const folder = places.sharedDriveFolder;
    return {
      default: { folder, keep: [{ path: 'daily/*', last: 3 }] },
      sibling: { folder, keep: { last: 2 } },
      off: { folder },
      aged: { folder, path: 'aged', keep: { days: 1 } },
    };
  });
  courier = await world.start();
}, TIMEOUT_MS);
afterAll(() => world?.close());
afterEach(() => world.google.faults.clear());

const send = async (name: string, query: Record<string, string>, key?: string) => {
  const { receipt } = await world.send(courier, name, {
    query: { name, ...query },
    ...(key === undefined ? {} : { key }),
  });
  return receipt;
};
const isTrashed = (id: string) => world.google.drive.state.store.files.get(id)?.trashed;
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}-${at}.txt`);

const until = async (isDone: () => boolean): Promise<void> => {
  const deadlineMs = Date.now() + 10_000;
  while (!isDone()) {
    if (Date.now() > deadlineMs) throw new Error('it did not happen in 10 seconds');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
const waitForLastCall = async (): Promise<void> => {
  let before = -1;
  await until(() => {
    const count = world.google.calls.count();
    const isQuiet = count === before;
    before = count;
    return isQuiet;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
};

const sendAll = async (names: readonly string[], query: Record<string, string>): Promise<string[]> => {
  const ids: string[] = [];
  for (const name of names) ids.push((await send(name, query)).id);
  await waitForLastCall();
  return ids;
};

test(
  'the last files of the paths of a rule stay, older ones go to the trash, each with an audit line',
  async () => {
    const person = world.google.drive.putFile({
      name: 'by-hand.txt',
      bytes: 'x',
      parent: world.google.places.sharedDriveFolder,
    });
    const other = await send('other.txt', { path: 'weekly/a' });
    const [moved = '', ...rest] = await sendAll(numbered('a', 2), { path: 'daily/a' });
    const file = world.google.drive.state.store.files.get(moved);
    if (file === undefined) throw new Error('no file');
    file.parent = world.google.places.sharedDriveFolder;
    const ids = [...rest, ...(await sendAll(numbered('b', 5), { path: 'daily/b' }))];
    await until(() => ids.filter(isTrashed).length === 3);
    await waitForLastCall();
    expect(ids.map(isTrashed)).toEqual([true, true, true, false, false, false]);
    // Moved by a person, put there by a person, and delivered to another path.
    expect([moved, person, other.id].map(isTrashed)).toEqual([false, false, false]);
    const lines = courier.lines.filter((line) => line.includes('"outcome":"trashed"'));
    expect(lines.map((line) => JSON.parse(line).audit)).toMatchObject(
      ids.slice(0, 3).map((fileId) => ({ fileId, destination: 'default', keep: { path: 'daily/*', last: 3 } })),
    );
  },
  TIMEOUT_MS,
);

test(
  'two destinations with one folder do not touch each other’s files',
  async () => {
    // What a caller sends are public properties; the marks are private ones.
    const mark = keepMark({ name: 'sibling' }, { path: '**' });
    const properties = JSON.stringify({ courierKeep: mark, courierAt: '1990-01-01T00:00:00Z' });
    const [first = ''] = await sendAll(numbered('mine', 1), { destination: 'off', path: 'shared', properties });
    const othersFiles = await sendAll(numbered('sibling', 4), { destination: 'sibling', path: 'shared' });
    await until(() => othersFiles.filter(isTrashed).length === 2);
    expect([isTrashed(first), ...othersFiles.map(isTrashed)]).toEqual([false, true, true, false, false]);
  },
  TIMEOUT_MS,
);

test(
  'a caller cannot shorten it by old times, and a replaced file counts from its replacement',
  async () => {
    const old = { modifiedTime: '1990-01-01T00:00:00Z', createdTime: '1990-01-01T00:00:00Z' };
    const query = { destination: 'aged' };
    const ids = [await send('victim.txt', { ...query, ...old }), await send('newer.txt', query)].map(({ id }) => id);
    const marks = (id: string) => Object.values(world.google.drive.state.store.files.get(id)?.appProperties ?? {})[0];
    // As if it had been delivered two days ago.
    const mark = marks(ids[0] ?? '');
    const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000).toISOString();
    if (mark === undefined) throw new Error('no mark');
    await send('newest.txt', query);
    await waitForLastCall();
    expect(ids.map(isTrashed)).toEqual([false, false]);
    mark.courierAt = twoDaysAgo;
    await send('victim.txt', { ...query, onConflict: 'replace' });
    await waitForLastCall();
    expect(ids.map(isTrashed)).toEqual([false, false]);
    mark.courierAt = twoDaysAgo;
    const current = marks(ids[0] ?? '');
    if (current !== undefined) current.courierAt = twoDaysAgo;
    await send('last.txt', query);
    await until(() => isTrashed(ids[0] ?? '') === true);
    expect(isTrashed(ids[1] ?? '')).toBe(false);
  },
  TIMEOUT_MS,
);

test(
  'a delivery is answered although Drive refuses the trash',
  async () => {
    const trashing = {
      method: 'PATCH',
      path: '/drive/v3/files/*',
      fault: { kind: 'status', status: 403, reason: 'forbidden' },
    } as const;
    world.google.faults.add(trashing);
    const ids = await sendAll(numbered('kept', 4), { destination: 'sibling', path: 'refused' });
    expect(ids.map(isTrashed)).toEqual([false, false, false, false]);
    world.google.faults.clear();
    await send('again.txt', { destination: 'sibling', path: 'refused' });
    await until(() => ids.every(isTrashed) || ids.filter(isTrashed).length >= 3);
  },
  TIMEOUT_MS,
);

test(
  'without a rule nothing is searched',
  async () => {
    await waitForLastCall();
    world.google.calls.clear();
    await send('plain.txt', { destination: 'off' });
    await waitForLastCall();
    expect(world.google.calls.count({ method: 'GET', path: '/drive/v3/files' })).toBe(0);
  },
  TIMEOUT_MS,
);
