import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

/** What destinations require of their files: restrictions, labels and permissions that expire. */

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places, drive, world: { emails } }) => {
    const share = [{ type: 'group', email: emails.sales, role: 'reader' }];
    const managed = drive.createSharedDrive({
      name: 'managed',
      members: [{ email: emails.courier, role: 'organizer' }],
    });
    drive.addLabel({
      id: 'label1',
      fields: {
        region: { valueType: 'selection', choices: ['north', 'south'] },
        order: { valueType: 'text' },
        count: { valueType: 'integer' },
      },
    });
    const fields = { region: { selection: { property: 'region' } }, order: 'fixed', count: 7 };
    return {
      locked: { folder: places.sharedDriveFolder, readOnly: true, share },
      strict: { folder: managed, readOnly: true, noDownload: 'everyone', copyRequiresWriterPermission: true, share },
      weak: { folder: places.sharedDriveFolder, noDownload: true, share },
      mydrive: { folder: managed, writersCanShare: false, share },
      labelled: { folder: places.sharedDriveFolder, labels: { label1: fields }, share },
      mislabelled: { folder: places.sharedDriveFolder, labels: { nothing: {} }, share },
      optional: {
        folder: places.sharedDriveFolder,
        labels: { nothing: { required: false }, label1: { required: false, fields } },
        readOnly: true,
        share,
      },
      plain: { folder: places.sharedDriveFolder },
      expiring: {
        folder: places.sharedDriveFolder,
        share: [
          {
            ...{ type: 'user', email: emails.bob, role: 'reader' },
            expires: 'P30D',
            notify: true,
            message: 'For a month.',
          },
        ],
      },
    };
  });
  courier = await world.start();
}, 60_000);
afterAll(() => world?.close());

const send = (destination: string, name: string, query: Record<string, string> = {}, key?: string, body = 'x') =>
  world.send(courier, body, { query: { destination, name, ...query }, ...(key === undefined ? {} : { key }) });

const stored = (id: string) => world.google.drive.state.store.files.get(id);
const named = (name: string) => world.google.drive.files().filter((file) => file.name === name && !file.trashed);
const sharesOf = (id: string) => stored(id)?.permissions.filter(({ role }) => role !== 'owner') ?? [];
const asCourier = async (path: string, body: object) => {
  const { world: people, origin } = world.google;
  const bearer = people.accessToken(people.emails.courier, ['https://www.googleapis.com/auth/drive']);
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  const init = { method: 'PATCH', headers, body: JSON.stringify(body) };
  expect((await fetch(`${origin}/www.googleapis.com/drive/v3/files/${path}?supportsAllDrives=true`, init)).status).toBe(
    200,
  );
};

const post = async (path: string, body: object) => {
  const { idToken, emails } = world.google.world;
  const token = idToken({ email: emails.exporter, audience: 'https://drive-courier.example' });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(`${courier.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, json: (await response.json()) as Record<string, string> };
};

test('a file is read-only before it is shared, and keeps the time that its caller chose', async () => {
  const { status, receipt } = await send('locked', 'locked.txt', { modifiedTime: '2021-01-01T00:00:00Z' });
  expect([status, receipt.modifiedTime]).toEqual([201, '2021-01-01T00:00:00.000Z']);
  expect(await world.described(receipt.id)).toMatchObject({
    modifiedTime: '2021-01-01T00:00:00.000Z',
    contentRestrictions: [{ readOnly: true, restrictingUser: { me: true } }],
  });
  expect(sharesOf(receipt.id)).toHaveLength(1);
  const calls = world.google.calls.list().map(({ method, path }) => `${method} ${path}`);
  const restricted = calls.lastIndexOf(`PATCH /drive/v3/files/${receipt.id}`);
  expect(restricted).toBeGreaterThan(0);
  expect(calls.lastIndexOf(`POST /drive/v3/files/${receipt.id}/permissions`)).toBeGreaterThan(restricted);
});

test('all restrictions of a manager are put on', async () => {
  const { receipt } = await send('strict', 'strict.txt');
  expect(await world.described(receipt.id)).toMatchObject({
    contentRestrictions: [{ readOnly: true }],
    copyRequiresWriterPermission: true,
    downloadRestrictions: { itemDownloadRestriction: { restrictedForReaders: true, restrictedForWriters: true } },
  });
});

describe('onConflict=replace', () => {
  const replace = { onConflict: 'replace' };

  test.each(['v2', 'v'.repeat(6_000_000)])('lifts and restores the restriction of the courier', async (body) => {
    const name = `living-${body.length}.txt`;
    const first = await send('locked', name, replace);
    const second = await send('locked', name, replace, name, body);
    expect(second.receipt).toMatchObject({ id: first.receipt.id, outcome: 'replaced', size: body.length });
    expect(stored(first.receipt.id)?.contentRestriction).toBeDefined();
    const again = await send('locked', name, replace, name, body);
    expect(again.receipt.outcome).toBe('replayed');
    expect(stored(first.receipt.id)?.contentRestriction).toBeDefined();
  });

  test('of many at once leaves one file that is read-only', async () => {
    const bodies = Array.from({ length: 10 }, (_, turn) => `version ${turn}`);
    const query = { destination: 'locked', name: 'crowd.txt', ...replace };
    await Promise.all(bodies.map((body) => world.insist(() => courier, body, { query })));
    const [file, ...others] = named('crowd.txt');
    expect(others).toEqual([]);
    expect(stored(file?.id ?? '')?.contentRestriction).toBeDefined();
  }, 60_000);

  test.each(['locked', 'plain'])('never lifts what a person has set (%s)', async (destination) => {
    const name = `guarded-${destination}.txt`;
    const { receipt } = await send(destination, name);
    const file = stored(receipt.id);
    if (file === undefined) throw new Error('no file');
    file.contentRestriction = { ownerRestricted: false, by: world.google.world.emails.alice, atMs: 0 };
    const refused = await send(destination, name, replace, name, 'other');
    expect([refused.status, refused.code]).toEqual([409, 'name-taken']);
    expect(refused.detail).toContain('read-only');
    expect(stored(receipt.id)).toMatchObject({ contentRestriction: { by: world.google.world.emails.alice } });
    expect(stored(receipt.id)?.revisions).toHaveLength(1);
  });

  test('locks the file again if the write fails', async () => {
    const { receipt } = await send('locked', 'failing.txt', replace);
    world.google.faults.add({
      times: 5,
      ...{ method: 'PATCH', path: `/upload/drive/v3/files/${receipt.id}` },
      fault: { kind: 'status', status: 403, reason: 'insufficientFilePermissions' },
    });
    const failed = await send('locked', 'failing.txt', replace, undefined, 'other');
    world.google.faults.clear();
    expect(failed.status).not.toBe(200);
    expect(stored(receipt.id)?.contentRestriction).toBeDefined();
  });

  test('by an upload session is refused, because the file would stay writable', async () => {
    await send('locked', 'session.txt');
    const order = { destination: 'locked', name: 'session.txt', mimeType: 'text/plain', size: 3, ...replace };
    const { status, json } = await post('/v1/uploads', order);
    expect([status, json.code]).toEqual([400, 'request-invalid']);
  });
});

describe('every way of delivering', () => {
  test('a converted file is read-only as well', async () => {
    const query = { destination: 'locked', name: 'table', convertTo: 'sheet' };
    const { receipt } = await world.send(courier, 'a,b\n', { query, type: 'text/csv' });
    expect(stored(receipt.id)?.contentRestriction).toBeDefined();
    expect(sharesOf(receipt.id)).toHaveLength(1);
  });

  test('a file of an upload session gets its labels and its shares when it is complete', async () => {
    const order = { destination: 'labelled', name: 'by-session.txt', mimeType: 'text/plain', size: 3 };
    const { json: refused } = await post('/v1/uploads', order);
    expect(refused.code).toBe('request-invalid');
    const { json: opened } = await post('/v1/uploads', { ...order, properties: { region: 'south' } });
    await fetch(opened.uploadUrl ?? '', { method: 'PUT', body: 'new' });
    const { json: receipt } = await post(`/v1/uploads/${opened.id}/complete`, {});
    expect(receipt.outcome).toBe('created');
    expect(stored(receipt.id ?? '')?.labels).toMatchObject({ label1: { region: { values: ['south'] } } });
    expect(sharesOf(receipt.id ?? '')).toHaveLength(1);
  });

  test('an export document gives its properties to the labels', async () => {
    const properties = { region: 'north' };
    const document = { destination: 'labelled', name: 'document.txt', properties, source: { text: 'x' } };
    const { status, json: receipt } = await post('/v1/exports', document);
    expect(status).toBe(201);
    expect(stored(receipt.id ?? '')?.labels).toMatchObject({ label1: { region: { values: ['north'] } } });
  });
});

test.each([
  ['weak', 'noDownload'],
  ['mydrive', 'writersCanShare'],
])('a restriction that fails leaves the file unshared: %s', async (destination, restriction) => {
  const name = `${destination}.txt`;
  const refused = await send(destination, name, {}, destination);
  expect([refused.status, refused.code]).toEqual([502, 'policy-forbidden']);
  expect(refused.detail).toContain(restriction);
  const [file] = named(name);
  expect(sharesOf(file?.id ?? '')).toEqual([]);
  await send(destination, name, {}, destination);
  expect(named(name)).toHaveLength(1);
});

test('once the account has the right, the same key finishes the delivery of the same file', async () => {
  await send('weak', 'later.txt', {}, 'later');
  const [file] = named('later.txt');
  const drive = world.google.drive.state.store.files.get(file?.driveId ?? '');
  const own = drive?.permissions.find(({ emailAddress }) => emailAddress === world.google.world.emails.courier);
  if (own === undefined) throw new Error('the courier is no member');
  const { role } = own;
  own.role = 'organizer';
  const again = await send('weak', 'later.txt', {}, 'later');
  own.role = role;
  expect(again.receipt.id).toBe(file?.id);
  expect(sharesOf(file?.id ?? '')).toHaveLength(1);
  expect(await world.described(again.receipt.id)).toMatchObject({ copyRequiresWriterPermission: true });
});

describe('labels', () => {
  const region = (value: string) => ({ properties: JSON.stringify({ region: value }) });

  test('are set from the configuration and the properties of the request', async () => {
    const { status, receipt } = await send('labelled', 'labelled.txt', region('north'));
    expect(status).toBe(201);
    expect(stored(receipt.id)?.labels).toEqual({
      label1: {
        region: { valueType: 'selection', values: ['north'] },
        order: { valueType: 'text', values: ['fixed'] },
        count: { valueType: 'integer', values: ['7'] },
      },
    });
    expect(sharesOf(receipt.id)).toHaveLength(1);
  });

  test('without their property are refused before a byte is stored', async () => {
    const { status, code } = await send('labelled', 'unlabelled.txt');
    expect([status, code, named('unlabelled.txt')]).toEqual([400, 'request-invalid', []]);
  });

  test.each([
    ['labelled', region('east')],
    ['mislabelled', {}],
  ])('that Drive refuses leave the file unshared: %s', async (destination, query) => {
    const name = `refused-${destination}.txt`;
    const refused = await send(destination, name, query);
    expect([refused.status, refused.code]).toEqual([502, 'label-refused']);
    const [file] = named(name);
    expect(sharesOf(file?.id ?? '')).toEqual([]);
  });

  test('that are not required give a warning, and the file is restricted and shared', async () => {
    const set = await send('optional', 'optional.txt', region('south'));
    expect([set.status, set.receipt.warnings?.length]).toEqual([201, 1]);
    expect(set.receipt.warnings?.[0]).toContain('nothing');
    expect(stored(set.receipt.id)?.labels).toMatchObject({ label1: { region: { values: ['south'] } } });
    expect([sharesOf(set.receipt.id).length, stored(set.receipt.id)?.contentRestriction !== undefined]).toEqual([
      1,
      true,
    ]);
    const unset = await send('optional', 'without-property.txt');
    expect([unset.status, unset.receipt.warnings?.length]).toEqual([201, 2]);
    expect([sharesOf(unset.receipt.id).length, stored(unset.receipt.id)?.labels]).toEqual([1, undefined]);
  });
});

test('a permission expires, and its mail has the message', async () => {
  const { receipt } = await send('expiring', 'expiring.txt');
  const [permission] = sharesOf(receipt.id);
  const days = (Date.parse(permission?.expirationTime ?? '') - Date.now()) / 86_400_000;
  expect(days).toBeCloseTo(30, 2);
  expect(world.google.drive.mails().at(-1)).toMatchObject({ message: 'For a month.', fileId: receipt.id });
});

test('a file that was unlocked by hand is locked again by the next delivery', async () => {
  const { receipt } = await send('locked', 'opened.txt');
  await asCourier(receipt.id, { contentRestrictions: [{ readOnly: false }] });
  await send('locked', 'opened.txt', { onConflict: 'replace' }, undefined, 'other');
  expect(stored(receipt.id)?.contentRestriction).toBeDefined();
});
