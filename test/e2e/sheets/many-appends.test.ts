import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { appendMany, faultsOfAppended } from '../../support/rows/appended-rows.ts';
import { type SheetsInTime, startSheetsInTime } from '../../support/rows/sheets-in-time.ts';

/** The long form of test/unit/sheets/once.test.ts: as many appends as a busy sheet gets in a day, in simulated time. */

let world: SheetsInTime;
beforeAll(async () => {
  world = await startSheetsInTime();
});
afterAll(() => world?.close());

const TIMEOUT_MS = 600_000;

test(
  'the marks of 100,000 appends by two instances never fill the metadata, and no append is refused or duplicated',
  async () => {
    const appends = 100_000;
    const appended = await appendMany(world, { appends, instances: 2, callers: 80, requestsPerMinute: 60, lost: 0.01 });
    expect(faultsOfAppended(world, appended, appends)).toEqual([]);
    expect(appended.mostMetadata).toBeLessThanOrEqual(30_000);
    console.log(
      `100,000 appends: ${appended.changes} changes in ${appended.minutes.toFixed(1)} simulated minutes, at most ${appended.mostMetadata} characters of metadata`,
    );
  },
  TIMEOUT_MS,
);

test(
  'within the quota of 60 requests a minute, 64 callers append at least 3,000 rows a minute',
  async () => {
    world.google.sheets.setLimits({ enforceQuota: true });
    const appends = 12_000;
    const appended = await appendMany(world, { appends, instances: 1, callers: 64, requestsPerMinute: 60 });
    expect(faultsOfAppended(world, appended, appends)).toEqual([]);
    expect(appends / appended.minutes).toBeGreaterThanOrEqual(3_000);
    const sorted = appended.latenciesMs.toSorted((one, other) => one - other);
    // The minute is never used up early, so nobody waits for the next one.
    expect(sorted.at(-1)).toBeLessThan(5_000);
    console.log(`64 callers: ${Math.round(appends / appended.minutes)} a minute, at most ${sorted.at(-1)} ms`);
  },
  TIMEOUT_MS,
);
