import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ERRORS } from '../../src/errors.ts';
import { entryOf, matches } from './log-filter.ts';
import { logMetrics } from './monitoring-files.ts';

/** The label of the courier's alert policies, which the page names, too. */
const ALERT_LABEL = 'drive-courier-alert';
const PAGE = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8');

test('the operating page names exactly the metrics that the courier sends', () => {
  const source = readFileSync(new URL('../../src/telemetry.ts', import.meta.url), 'utf8');
  const made = [...source.matchAll(/create\w+\(\s*'([\w.]+)'/g)].map(([, name]) => name);
  const documented = [...PAGE.matchAll(/`((?:courier|http\.server)\.[\w.]+)`/g)].map(([, name]) => name);
  expect(made.length).toBeGreaterThan(8);
  expect(new Set(documented)).toEqual(new Set(made));
});

test('every error code that the operating page names exists', () => {
  const codes = Object.keys(ERRORS);
  const documented = [...PAGE.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)]
    .map(([, code = '']) => code)
    .filter((name) => name !== ALERT_LABEL);
  expect(documented.length).toBeGreaterThan(10);
  expect(documented.filter((code) => !codes.includes(code))).toEqual([]);
});

const STORED = ['created', 'replaced', 'skipped', 'replayed'];
const UNSTORED = ['failed', 'given-up'];
/** A file that retention has moved to the trash: an audit line, and no delivery. */
const OTHER = 'trashed';

const outcomesThatMatch = (filter: string): string[] =>
  [...STORED, ...UNSTORED, OTHER].filter((outcome) =>
    matches(filter, entryOf(JSON.stringify({ severity: 'INFO', audit: { outcome } }))),
  );

test("the command for today's deliveries lists what was delivered, and nothing else", () => {
  const [, filter = ''] = /^gcloud logging read "(jsonPayload\.audit\.outcome:.*?) AND timestamp>=/m.exec(PAGE) ?? [];
  // As the shell passes it on; a value may be without quotes.
  const unescaped = filter.replaceAll('\\"', '"').replaceAll(/!=([\w-]+)/g, '!="$1"');
  expect(outcomesThatMatch(unescaped)).toEqual(STORED);
});

test('the metric of deliveries counts the ones that failed too, and no file that retention removes', () => {
  const [, metric] = logMetrics.find(([name]) => name === 'courier-deliveries.json') ?? [];
  expect(outcomesThatMatch(metric?.filter ?? '')).toEqual([...STORED, ...UNSTORED]);
});
