import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { ERRORS } from '../../src/errors.ts';
import { startTelemetrySdk } from '../../src/telemetry-sdk.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/network/otlp-receiver.ts';
import { enterCloudRun, type RunningCourier } from '../support/courier/running-courier.ts';
import { comparisonsOf, entryOf, extractedPath, type LogEntry, matches, valueAt } from './log-filter.ts';
import { deliverEverything, startMonitored } from './monitored-deliveries.ts';
import {
  FOLDER,
  GOOGLES,
  logMetrics,
  mosaicLayout,
  policies,
  RESOURCE_LABELS,
  type TimeSeriesFilter,
  widgets,
} from './monitoring-files.ts';

let google: LocalGoogle;
let receiver: OtlpReceiver;
let courier: RunningCourier;
let entries: LogEntry[];
let leave: () => void;

beforeAll(async () => {
  google = await startLocalGoogle();
  leave = enterCloudRun(google);
  receiver = await startOtlpReceiver();
  const sdk = startTelemetrySdk({ endpoint: receiver.endpoint, intervalMs: 3_600_000 });
  courier = await startMonitored(google);
  await deliverEverything(google, courier);
  await courier.close();
  await sdk.shutdown();
  entries = courier.lines.map(entryOf);
}, 90_000);

afterAll(async () => {
  leave();
  await receiver.close();
  await google.close();
});

/** Every path that a filter or an extractor names appears in a line that was really written. */
const unknownPaths = (paths: readonly string[]): string[] =>
  paths.filter((path) => path !== 'resource.type' && !entries.some((entry) => valueAt(entry, path) !== undefined));

describe('log-based metrics', () => {
  test.each(logMetrics)('%s: its file is named after it', (file, { name }) => expect(file).toBe(`${name}.json`));

  test.each(logMetrics)('%s: every field that it names is logged', (_, { filter, valueExtractor, labelExtractors }) => {
    const extractors = [...Object.values(labelExtractors), ...(valueExtractor === undefined ? [] : [valueExtractor])];
    const paths = [...comparisonsOf(filter).map(({ path }) => path), ...extractors.map(extractedPath)];
    expect(unknownPaths(paths)).toEqual([]);
  });

  test.each(logMetrics)('%s: its filter matches lines, and each yields a value of its type', (_, metric) => {
    const found = entries.filter((entry) => matches(metric.filter, entry));
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(entries.length);
    for (const entry of metric.valueExtractor === undefined ? [] : found) {
      expect(valueAt(entry, extractedPath(metric.valueExtractor ?? ''))).toEqual(expect.any(Number));
    }
    expect(metric.metricDescriptor.valueType).toBe(metric.valueExtractor === undefined ? 'INT64' : 'DISTRIBUTION');
  });

  test.each(logMetrics)('%s: each extractor has its label, and each label is a string', (_, metric) => {
    const { labels } = metric.metricDescriptor;
    expect(labels.map(({ key }) => key).toSorted()).toEqual(Object.keys(metric.labelExtractors).toSorted());
    for (const extractor of Object.values(metric.labelExtractors)) {
      const values = entries.map((entry) => valueAt(entry, extractedPath(extractor))).filter(Boolean);
      expect(values).toEqual(values.map(String));
    }
  });

  test('a delivery is counted once, with any outcome', () => {
    const [, { filter }] = logMetrics.find(([name]) => name === 'courier-deliveries.json') ?? ['', { filter: '' }];
    const counted = entries.filter((entry) => matches(filter, entry)).map(({ labels }) => labels);
    expect(counted).toEqual([
      { destination: 'reports', outcome: 'created' },
      { destination: 'reports', outcome: 'failed', code: 'no-storage-quota' },
      { destination: 'reports', outcome: 'failed', code: 'internal' },
      { destination: 'reports', outcome: 'created' },
    ]);
  });

  test('bytes that BigQuery bills are added up by query, once for each file', () => {
    const [, metric] = logMetrics.find(([name]) => name === 'courier-query-bytes-billed.json') ?? [];
    const counted = entries.filter((entry) => matches(metric?.filter ?? '', entry));
    const valuesOf = (extractor = ''): unknown[] => counted.map((entry) => valueAt(entry, extractedPath(extractor)));
    expect(valuesOf(metric?.labelExtractors.query)).toEqual(['daily']);
    expect(valuesOf(metric?.valueExtractor)).toEqual([10_485_760]);
  });
});

/** Errors in a filter over metrics. */
const faultsOf = ({ filter, aggregation: { groupByFields } }: TimeSeriesFilter): string[] => {
  const [, type = ''] = /metric\.type="([^"]+)"/.exec(filter) ?? [];
  const named = [...`${filter} ${groupByFields.join(' ')}`.matchAll(/metric\.label\.(\w+)/g)].map(([, name]) => name);
  const resources = [...groupByFields.join(' ').matchAll(/resource\.label\.(\w+)/g)].map(([, name]) => name ?? '');
  const own = type.startsWith('logging.googleapis.com/user/')
    ? logMetrics.find(([, { name }]) => type.endsWith(`/${name}`))?.[1].metricDescriptor.labels.map(({ key }) => key)
    : undefined;
  const sent = type.startsWith('workload.googleapis.com/')
    ? receiver.metrics.get(type.slice('workload.googleapis.com/'.length))?.points
    : undefined;
  const labels = own ?? sent?.flatMap(({ attributes }) => Object.keys(attributes)) ?? GOOGLES[type]?.labels;
  if (labels === undefined) return [`no metric has the type ${type}`];
  return [
    ...named.filter((name) => !labels.includes(name ?? '')).map((name) => `${type} has no label ${name}`),
    ...resources.filter((name) => !RESOURCE_LABELS.includes(name)).map((name) => `no resource has the label ${name}`),
  ];
};

/**
 * Errors in a PromQL query over log-based metrics: names, and labels in braces and after "by". For their names, see
 * https://cloud.google.com/monitoring/promql/promql-mapping
 */
const faultsOfQuery = (query: string): string[] => {
  const series = [...query.matchAll(/logging_googleapis_com:user_(\w+)\{([^}]*)\}/g)];
  if (series.length === 0) return [`no log-based metric in ${query}`];
  const grouped = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(/,\s*/));
  return series.flatMap(([, called = '', matchers = '']) => {
    const metric = logMetrics
      .map(([, each]) => each)
      .find(({ name, metricDescriptor: { valueType } }) => {
        const mapped = name.replaceAll('-', '_');
        return valueType === 'DISTRIBUTION' ? called === `${mapped}_sum` : called === mapped;
      });
    if (metric === undefined) return [`no metric has the name ${called}`];
    const labels = ['monitored_resource', ...metric.metricDescriptor.labels.map(({ key }) => key)];
    const named = [...[...matchers.matchAll(/(\w+)!?=/g)].map(([, name = '']) => name), ...grouped];
    return named.filter((name) => !labels.includes(name)).map((name) => `${called} has no label ${name}`);
  });
};

describe('the dashboard', () => {
  test('every chart uses existing metrics and labels', () => {
    const filters = widgets.flatMap(({ xyChart }) => xyChart?.dataSets ?? []);
    expect(filters.length).toBeGreaterThan(15);
    const faults = filters.flatMap(({ timeSeriesQuery: { timeSeriesFilter, prometheusQuery } }) =>
      timeSeriesFilter === undefined ? faultsOfQuery(prometheusQuery ?? '') : faultsOf(timeSeriesFilter),
    );
    expect(faults).toEqual([]);
  });

  test('units in 24 hours are shown by destination, with the budget of the alert', () => {
    const chart = widgets.find(({ title }) => /Quota units .* in 24 hours/.test(title))?.xyChart;
    const [budget] = chart?.thresholds ?? [];
    expect(JSON.stringify(chart)).toContain('courier_drive_units_sum');
    const [, alert] = policies.find(([name]) => name === 'units-budget.json') ?? [];
    const query = alert?.conditions[0]?.conditionPrometheusQueryLanguage?.query;
    expect(query).toMatch(new RegExp(`\\[24h\\]\\)\\) > ${budget?.value}$`));
  });

  test.each([
    ['sum(increase(logging_googleapis_com:user_courier_drive_units{a="b"}[1h]))', /no metric has/],
    ['sum by (who) (increase(logging_googleapis_com:user_courier_deliveries{outcome="x"}[1h]))', /no label who/],
    ['sum(up)', /no log-based metric/],
  ])('the check of a query detects %s', (query, fault) => {
    expect(faultsOfQuery(query).join()).toMatch(fault);
  });

  test('every relevant metric that the courier sends or that comes from its log is shown', () => {
    const shown = JSON.stringify(widgets);
    for (const [, { name }] of logMetrics) expect(shown).toContain(`logging.googleapis.com/user/${name}`);
  });

  test('its log panel shows the failures', () => {
    const [panel] = widgets.flatMap(({ logsPanel }) => logsPanel ?? []);
    const found = entries.filter((entry) => matches(panel?.filter ?? '', entry));
    expect(found.map(({ labels }) => labels.code)).toEqual(['no-storage-quota', 'internal']);
  });

  test('no tile overlaps another or exceeds the grid', () => {
    const tiles = mosaicLayout.tiles.map(({ xPos = 0, yPos = 0, width, height }) => ({ xPos, yPos, width, height }));
    for (const [index, one] of tiles.entries()) {
      expect(one.xPos + one.width).toBeLessThanOrEqual(mosaicLayout.columns);
      const overlapping = tiles
        .slice(index + 1)
        .filter(
          (other) =>
            one.xPos < other.xPos + other.width &&
            other.xPos < one.xPos + one.width &&
            one.yPos < other.yPos + other.height &&
            other.yPos < one.yPos + one.height,
        );
      expect(overlapping).toEqual([]);
    }
  });
});

describe('the alert policies', () => {
  test.each(policies)('%s: its condition uses what is measured or logged', (_, { conditions }) => {
    for (const { conditionThreshold, conditionMatchedLog, conditionPrometheusQueryLanguage } of conditions) {
      if (conditionPrometheusQueryLanguage !== undefined)
        expect(faultsOfQuery(conditionPrometheusQueryLanguage.query)).toEqual([]);
      if (conditionThreshold !== undefined) {
        const { filter, aggregations } = conditionThreshold;
        expect(aggregations.flatMap((aggregation) => faultsOf({ filter, aggregation }))).toEqual([]);
      }
      if (conditionMatchedLog !== undefined) {
        const { filter, labelExtractors } = conditionMatchedLog;
        const extracted = Object.values(labelExtractors).map(extractedPath);
        expect(unknownPaths([...comparisonsOf(filter).map(({ path }) => path), ...extracted])).toEqual([]);
        expect(entries.filter((entry) => matches(filter, entry))).toHaveLength(1);
      }
      expect(conditionThreshold ?? conditionMatchedLog ?? conditionPrometheusQueryLanguage).toBeDefined();
    }
  });

  test.each(policies)('%s: its text names only extracted labels and existing pages', (_, policy) => {
    const { documentation, conditions } = policy;
    const text = `${documentation.subject} ${documentation.content}`;
    const named = [...text.matchAll(/\$\{log\.extracted_label\.(\w+)\}/g)].map(([, name]) => name);
    const extracted = conditions.flatMap((each) => Object.keys(each.conditionMatchedLog?.labelExtractors ?? {}));
    expect(named.filter((name) => !extracted.includes(name ?? ''))).toEqual([]);
    for (const [, page = ''] of text.matchAll(/(docs\/[\w-]+\.md)/g)) {
      expect(() => readFileSync(new URL(`../../${page}`, FOLDER))).not.toThrow();
    }
  });

  test('the one for setup errors contains exactly their codes', () => {
    const filter = policies.find(([name]) => name === 'setup-fault.json')?.[1].conditions[0]?.conditionMatchedLog
      ?.filter;
    const [pattern] = comparisonsOf(filter ?? '').filter(({ operator }) => operator === '=~');
    const setup = Object.entries(ERRORS).filter(([, { status, retryable }]) => status === 502 && !retryable);
    const known = Object.keys(ERRORS).filter((code) => new RegExp(pattern?.value ?? '').test(code));
    expect(known.toSorted()).toEqual(setup.map(([code]) => code).toSorted());
  });
});

describe('the log', () => {
  test('a request is one line, with the fields that Cloud Logging shows and its trace', () => {
    const requests = entries.filter(({ httpRequest }) => httpRequest !== undefined);
    expect(requests).toHaveLength(5);
    expect(requests[0]).toMatchObject({
      severity: 'INFO',
      trace: '105445aa7843bc8bf206b12000100000',
      spanId: '0000000000000001',
      httpRequest: {
        requestMethod: 'POST',
        requestUrl: '/v1/files',
        status: 201,
        latency: expect.stringMatching(/^\d+\.\d{3}s$/),
      },
      labels: { status: '201' },
    });
  });

  test('a delivery is one line: who, where, what, and its cost', () => {
    const [created] = entries.filter(({ labels }) => labels.outcome === 'created');
    expect(created).toMatchObject({
      severity: 'INFO',
      trace: '105445aa7843bc8bf206b12000100000',
      jsonPayload: {
        audit: {
          outcome: 'created',
          caller: google.world.emails.exporter,
          destination: 'reports',
          name: 'good.csv',
          size: 5,
          sha256: expect.stringMatching(/^[\da-f]{64}$/),
          fileId: expect.any(String),
          attempts: expect.any(Number),
          calls: expect.any(Number),
          retries: 0,
          units: expect.any(Number),
          milliseconds: { claim: expect.any(Number), put: expect.any(Number), total: expect.any(Number) },
        },
      },
    });
    const { units, calls } = (created?.jsonPayload.audit ?? {}) as { units?: number; calls?: number };
    expect(units).toBeGreaterThanOrEqual(50);
    expect(calls).toBeGreaterThanOrEqual(2);
  });

  test('an unexpected error is an error event for Error Reporting', () => {
    const [line] = entries.filter(
      ({ severity, jsonPayload }) => severity === 'ERROR' && jsonPayload.code === 'internal',
    );
    expect(line?.jsonPayload).toMatchObject({
      '@type': 'type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent',
      serviceContext: { service: 'drive-courier' },
      stack_trace: expect.stringMatching(/\n {4}at /),
    });
  });

  test('contains no key, token or session at any level', () => {
    const text = courier.lines.join('');
    const { serviceAccounts, refreshTokens } = google.world.state;
    for (const { privateKeyPem } of serviceAccounts.flatMap(({ keys }) => keys)) {
      expect(text).not.toContain(privateKeyPem.slice(60, 110));
    }
    for (const { token } of refreshTokens) expect(text).not.toContain(token);
    expect(text).not.toMatch(/ya29\.|eyJ[\w-]{10}|upload_id=[^[]|Bearer [^[]/);
  });
});
