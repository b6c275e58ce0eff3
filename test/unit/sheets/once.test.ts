import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sheetsOf } from '../../local/sheets/sheets-api.ts';
import { appendMany, faultsOfAppended } from '../../support/rows/appended-rows.ts';
import { keyOf, type SheetsInTime, startSheetsInTime } from '../../support/rows/sheets-in-time.ts';

let world: SheetsInTime;
beforeAll(async () => {
  world = await startSheetsInTime();
});
beforeEach(() => world.google.calls.clear());
afterEach(() =>
  world.google.sheets.setLimits({ duplicateMetadataIds: 'refuse', enforceQuota: false, requestsPerMinutePerUser: 60 }),
);
afterAll(() => world?.close());

/** The SHA-256 of these keys with their batch begin with the same bits. */
const COLLIDING = ['c66648', 'c113145'] as const;

const rowsOf = (id: string) => world.google.sheets.rowsOf(id);
/** How many calls to Sheets have had this answer. */
const answered = (status: number): number =>
  world.google.calls.list({ host: 'sheets.googleapis.com' }).filter((call) => call.status === status).length;
const idsOf = (id: string) => world.google.sheets.metadataOf(id).map((entry) => entry.id);

describe('marks', () => {
  test('never fill the metadata of a spreadsheet: those of finished deliveries are removed by later changes', async () => {
    const appended = await appendMany(world, { appends: 1_200, instances: 3, callers: 60, lost: 0.01 });
    expect(faultsOfAppended(world, appended, 1_200)).toEqual([]);
    // Without the removal, they would have 90,000.
    expect(appended.mostMetadata).toBeLessThanOrEqual(30_000);
    expect(appended.mostMetadata).toBeGreaterThan(10_000);
  });

  test.each(['refuse', 'allow'] as const)(
    'of two keys with one id are both there, and a retry finds its own (a second creation: %s)',
    async (duplicateMetadataIds) => {
      world.google.sheets.setLimits({ duplicateMetadataIds });
      const id = await world.create();
      const courier = world.instance();
      const [one, other] = [keyOf(COLLIDING[0]), keyOf(COLLIDING[1])];
      const append = (key: string, value: number, mayBeDone = false) =>
        world.run(world.append(courier, id, { key, csv: `n\n${value}\n`, mayBeDone }));
      await append(one, 1);
      const second = await append(other, 2);
      const [first = 0] = idsOf(id);
      expect(idsOf(id)).toEqual([first, first + 1]);
      expect(await append(other, 2, true)).toEqual({ ...second, isRepeated: true });
      expect(rowsOf(id)).toEqual([['n'], [1], [2]]);
      await expect(append(one, 3, true)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    },
  );

  test('take the next id where other developer metadata has theirs', async () => {
    const [id, courier] = [await world.create(), world.instance()];
    const key = keyOf('taken');
    await world.run(world.append(courier, id, { key, csv: 'n\n1\n' }));
    const [mark = 0] = idsOf(id);
    const next = await world.create();
    await createMetadata(next, mark);
    await world.run(world.append(courier, next, { key, csv: 'n\n1\n' }));
    expect(idsOf(next)).toEqual([mark, mark + 1]);
    expect(rowsOf(next)).toEqual([['n'], [1]]);
  });

  test('for which there is no room are refused for now, and nothing is written', async () => {
    const [id, courier] = [await world.create(), world.instance()];
    await createMetadata(id, 1, 'x'.repeat(29_800));
    const append = (name: string) => world.append(courier, id, { key: keyOf(name), csv: 'n\n1\n' });
    const outcomes = await world.run(Promise.allSettled(['a', 'b', 'c', 'd'].map(append)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(outcomes).toContainEqual({
      status: 'rejected',
      reason: expect.objectContaining({ code: 'drive-unavailable', retryable: true }),
    });
    expect(rowsOf(id)).toEqual([['n'], [1], [1]]);
  });
});

/** Developer metadata of another application. */
const createMetadata = async (id: string, metadataId: number, metadataValue = 'value'): Promise<void> => {
  const developerMetadata = {
    ...{ metadataId, metadataKey: 'other', metadataValue, visibility: 'DOCUMENT', location: { spreadsheet: true } },
  };
  const answer = await sheetsOf(world.google, world.google.world.emails.courier).batch(id, {
    createDeveloperMetadata: { developerMetadata },
  });
  expect(answer.status).toBe(200);
};

describe('a change that the network holds back', () => {
  test.each(['refuse', 'allow'] as const)(
    'while its process ends is found by the retry, which waits for the lease (a second creation: %s)',
    async (duplicateMetadataIds) => {
      world.google.sheets.setLimits({ duplicateMetadataIds });
      const id = await world.create();
      const [ended, other] = [world.instance(), world.instance()];
      const append = { key: keyOf('held'), csv: 'n\n1\n' };
      ended.delayChange(20_000);
      ended.kill(1);
      world.append(ended, id, append).catch(() => undefined);
      const retried = await world.run(world.append(other, id, { ...append, mayBeDone: true }));
      expect(retried).toMatchObject({ isRepeated: true, range: 'Sheet1!A2' });
      expect(rowsOf(id)).toEqual([['n'], [1]]);
    },
  );

  test('longer than the lease is refused by Google, because its id is in use', async () => {
    const id = await world.create();
    const [ended, other] = [world.instance(), world.instance()];
    const append = { key: keyOf('late'), csv: 'n\n1\n' };
    ended.delayChange(90_000);
    ended.kill(1);
    world.append(ended, id, append).catch(() => undefined);
    const retried = await world.run(world.append(other, id, { ...append, mayBeDone: true }));
    expect(retried).toMatchObject({ isRepeated: false, range: 'Sheet1!A2' });
    await world.run(world.sleep(100_000));
    expect(answered(400)).toBe(1);
    expect(rowsOf(id)).toEqual([['n'], [1]]);
  });
});

describe('when Google enforces its quota', () => {
  test('appends back off, nothing is lost, and no caller waits much longer than others', async () => {
    world.google.sheets.setLimits({ enforceQuota: true, requestsPerMinutePerUser: 12 });
    const many = { appends: 300, instances: 2, callers: 15, requestsPerMinute: 60 };
    const appended = await appendMany(world, many);
    expect(faultsOfAppended(world, appended, 300)).toEqual([]);
    expect(answered(429)).toBeGreaterThan(0);
    const sorted = appended.latenciesMs.toSorted((one, other) => one - other);
    expect(sorted.at(-1)).toBeLessThan(6 * 60_000);
  });
});

describe('a group', () => {
  test('has the callers that come again after the former one, so that one instance stays within the quota with full groups', async () => {
    // The minute of the test before this one is over.
    await world.run(world.sleep(60_000));
    world.google.sheets.setLimits({ enforceQuota: true });
    const many = { appends: 2_600, instances: 1, callers: 40, pauseMs: 400, requestsPerMinute: 60 };
    const appended = await appendMany(world, many);
    expect(faultsOfAppended(world, appended, 2_600)).toEqual([]);
    // Full groups would be 65.
    expect(appended.changes).toBeLessThan(78);
    expect(answered(429)).toBe(0);
    expect(Math.max(...appended.latenciesMs)).toBeLessThan(5_000);
  });

  test('waits only briefly for callers that do not come again', async () => {
    const [id, courier] = [await world.create(), world.instance()];
    const append = (name: string) => world.append(courier, id, { key: keyOf(name), csv: 'n\n1\n' });
    await world.run(Promise.all(Array.from({ length: 30 }, (_, n) => append(`crowd-${n}`))));
    const startedMs = world.now();
    await world.run(append('alone'));
    expect(world.now() - startedMs).toBeLessThanOrEqual(120);
    const nextMs = world.now();
    await world.run(append('alone again'));
    expect(world.now()).toBe(nextMs);
  });
});

describe('one failure in a group', () => {
  test('does not fail the others', async () => {
    const [id, courier] = [await world.create(), world.instance()];
    await world.run(world.append(courier, id, { key: keyOf('header'), csv: 'n\n0\n' }));
    const append = (n: number, csv: string) =>
      world.append(courier, id, { key: keyOf(`group-${n}`), csv, columns: 'strict' });
    const tables = Array.from({ length: 20 }, (_, n) => (n === 7 ? 'other\n1\n' : `n\n${n + 1}\n`));
    const outcomes = await world.run(Promise.allSettled(tables.map((csv, n) => append(n, csv))));
    expect(outcomes.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([7]);
    expect(rowsOf(id)).toHaveLength(21);
  });
});
