import { expect, test } from '@jest/globals';
import { fillRunTemplate } from '../../../src/pubsub/run-template.ts';

const runTimeMs = Date.parse('2018-02-15T00:00:00Z');
const fill = (template: string): string => fillRunTemplate(template, { runTimeMs, words: { table: 'daily' } });

// The first seven are the examples of https://cloud.google.com/bigquery/docs/scheduling-queries#templating-system.
test.each([
  ['mytable', 'mytable'],
  ['mytable_{run_time|"%Y%m%d"}', 'mytable_20180215'],
  ['mytable_{run_time+25h|"%Y%m%d"}', 'mytable_20180216'],
  ['mytable_{run_time-1h|"%Y%m%d"}', 'mytable_20180214'],
  ['mytable_{run_time+1.5h|"%Y%m%d%H"}', 'mytable_2018021501'],
  ['mytable_{run_time+90m|"%Y%m%d%H"}', 'mytable_2018021501'],
  ['{run_time+97s|"%Y%m%d"}_mytable_{run_time+97s|"%H%M%S"}', '20180215_mytable_000137'],
  ['mytable_{run_date}', 'mytable_20180215'],
  ['{run_time-1h30m15s|"%Y-%m-%d %H:%M:%S"}', '2018-02-14 22:29:45'],
  ['\\{run_date\\}_{run_date}', '{run_date}_20180215'],
  ['{run_time|"a\\"b\\|c%%{y}"}', 'a"b|c%{y}'],
  ['sales-{table}.csv', 'sales-daily.csv'],
])('%s', (template, filled) => {
  expect(fill(template)).toBe(filled);
});

test.each(['{day}', '{run_time}', '{run_time+1d|"%Y"}', '{run_time|%Y}', '{run_time+|"%Y"}', '{run_time|"%B"}', '{}'])(
  '%s is refused rather than left in a name',
  (template) => {
    expect(() => fill(template)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  },
);
