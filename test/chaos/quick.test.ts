import { afterAll, expect, test } from '@jest/globals';
import { startFirestoreEmulator } from '../support/firestore-emulator.ts';
import { runFolder } from './loads/folder.ts';
import { type ChaosPlan, faultsOf, runChaos } from './run.ts';
import { runSheet } from './loads/sheet.ts';

/** The short form of `npm run chaos`. */

const TIMEOUT_MS = 300_000;
const emulator = await startFirestoreEmulator();
afterAll(() => emulator?.stop());

const PLAN: ChaosPlan = {
  ...{ uploads: 100, keys: 100, processes: 1, kills: 0, faults: 0, seed: 7 },
  ...{ firestoreHost: undefined, seconds: 240 },
};

test(
  'with a fifth of all Drive calls failing, every file is delivered once and complete, or rejected',
  async () => {
    const plan = { ...PLAN, faults: 0.2 };
    const result = await runChaos(plan);
    expect(faultsOf(result, plan)).toEqual([]);
    expect(result.injected).toBeGreaterThan(10);
    expect(result.delivered).toBeGreaterThan(90);
  },
  TIMEOUT_MS,
);

test(
  'the same in a folder of a shared drive that the account is not a member of',
  async () => {
    const plan = { ...PLAN, uploads: 40, keys: 40, faults: 0.2, isMember: false };
    const result = await runChaos(plan);
    expect(faultsOf(result, plan)).toEqual([]);
    expect(result.delivered).toBeGreaterThan(30);
  },
  TIMEOUT_MS,
);

const testWithEmulator = emulator === undefined ? test.skip : test;

testWithEmulator(
  'two processes, killed now and then: one file for each key, and one receipt',
  async () => {
    const plan = { ...PLAN, uploads: 120, keys: 12, processes: 2, kills: 2, firestoreHost: emulator?.host };
    const result = await runChaos(plan);
    expect(faultsOf(result, plan)).toEqual([]);
    expect(result).toMatchObject({ files: 10, delivered: 120, kills: 2 });
  },
  TIMEOUT_MS,
);

testWithEmulator(
  'a folder, while the command and the courier are killed: every file once, and as recorded in the manifest',
  async () => {
    const report = await runFolder({ files: 60, kills: 2, faults: 0.1, seed: 7 });
    expect(report).toMatchObject({ faults: [], files: 60, kills: 2, unchanged: 60 });
    expect(report?.runs).toBeGreaterThan(1);
  },
  TIMEOUT_MS,
);

testWithEmulator(
  'appends to one sheet, while processes are killed: every row once, in one piece, and in the range of its receipt',
  async () => {
    const report = await runSheet({ appends: 60, keys: 15, processes: 2, kills: 2, faults: 0.1, seed: 7 });
    expect(report).toMatchObject({ faults: [], kills: 2, rows: 57 });
  },
  TIMEOUT_MS,
);

testWithEmulator(
  'appends without marks are duplicated when answers are lost, so the check can fail',
  async () => {
    const options = { appends: 60, keys: 60, processes: 1, kills: 0, faults: 0.5, seed: 7, withMarks: false };
    const report = await runSheet(options);
    expect(report?.doubled).toBeGreaterThan(0);
    expect(report?.faults).toContainEqual(expect.stringMatching(/: \d+ times$/));
  },
  TIMEOUT_MS,
);

test(
  'uploads to two processes without a shared ledger create duplicates, so the check can fail',
  async () => {
    const plan = { ...PLAN, uploads: 60, keys: 6, processes: 2 };
    const result = await runChaos(plan);
    expect(result.doubled).toBeGreaterThan(0);
    expect(faultsOf(result, plan)).toContainEqual(expect.stringMatching(/^doubled: /));
  },
  TIMEOUT_MS,
);
