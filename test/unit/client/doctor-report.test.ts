import { expect, test } from '@jest/globals';
import { doctorText } from '../../../src/client/commands/inspect.ts';
import { colorsFor } from '../../../src/client/commands/output/colors.ts';
import { doctorSchema } from '../../../src/client/schemas.ts';

const KEY = { check: 'key', result: 'failed', detail: 'Google rejected the key.', remedy: 'Make a new key.' };
const LEDGER = { check: 'ledger', result: 'warned', detail: 'It is in memory.', remedy: 'Use Firestore.' };
const CLOCK = { check: 'clock', result: 'passed', detail: 'Right to the second.' };
const destinations = {
  reports: { ok: false, checks: [CLOCK, LEDGER, KEY] },
  invoices: { ok: false, checks: [CLOCK, LEDGER, KEY] },
  orders: { ok: true, checks: [CLOCK, LEDGER] },
};
const findings = [
  { ...KEY, destinations: ['reports', 'invoices'] },
  { ...LEDGER, destinations: ['reports', 'invoices', 'orders'] },
];

/** What the command prints for this response. */
const printed = (answer: object, all = false): string =>
  doctorText(doctorSchema.parse(answer), { all, colors: colorsFor({}, {}) });

test('the report is short: failures first, and a shared problem once', () => {
  expect(printed({ ok: false, findings, destinations }).split('\n')).toEqual([
    '✗ key (reports, invoices): Google rejected the key.',
    '    Make a new key.',
    '! ledger (every destination): It is in memory.',
    '    Use Firestore.',
    '✗ 1 of 3 destinations work; 3 checks passed. To see all checks: courier doctor --all',
  ]);
});

test('--all prints every check, as does the response of an older courier', () => {
  for (const text of [printed({ ok: false, findings, destinations }, true), printed({ ok: false, destinations })]) {
    expect(text).toContain('Right to the second.');
    expect(text.match(/Google rejected the key\./g)).toHaveLength(2);
  }
});
