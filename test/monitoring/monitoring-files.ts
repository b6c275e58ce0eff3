import { readdirSync, readFileSync } from 'node:fs';

export const FOLDER = new URL('../../deploy/monitoring/', import.meta.url);
const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8'));
const readAll = <Kind>(folder: string): [string, Kind][] =>
  readdirSync(new URL(folder, FOLDER)).map((name) => [name, read(`${folder}/${name}`) as Kind]);

export interface LogMetric {
  name: string;
  filter: string;
  valueExtractor?: string;
  labelExtractors: Record<string, string>;
  metricDescriptor: { metricKind: string; valueType: string; labels: { key: string; valueType: string }[] };
}

export interface TimeSeriesFilter {
  filter: string;
  aggregation: { perSeriesAligner: string; crossSeriesReducer: string; groupByFields: string[] };
}

export interface AlertPolicy {
  displayName: string;
  documentation: { content: string; subject: string };
  conditions: {
    conditionMatchedLog?: { filter: string; labelExtractors: Record<string, string> };
    conditionThreshold?: { filter: string; aggregations: TimeSeriesFilter['aggregation'][] };
    conditionPrometheusQueryLanguage?: { query: string };
  }[];
}

export interface Widget {
  title: string;
  xyChart?: {
    dataSets: { timeSeriesQuery: { timeSeriesFilter?: TimeSeriesFilter; prometheusQuery?: string } }[];
    thresholds?: { value: number }[];
  };
  logsPanel?: { filter: string };
}

export const logMetrics = readAll<LogMetric>('log-metrics');
export const policies = readAll<AlertPolicy>('alerts');
export const { mosaicLayout } = read('dashboard.json') as {
  mosaicLayout: {
    columns: number;
    tiles: { xPos?: number; yPos?: number; width: number; height: number; widget: Widget }[];
  };
};
export const widgets = mosaicLayout.tiles.map(({ widget }) => widget);

/** Google's own metrics with their labels (https://cloud.google.com/monitoring/api/metrics_gcp). */
export const GOOGLES: Readonly<Record<string, { kind: string; labels: string[] }>> = {
  'run.googleapis.com/request_count': { kind: 'DELTA', labels: ['response_code', 'response_code_class'] },
  'run.googleapis.com/container/instance_count': { kind: 'GAUGE', labels: ['state'] },
  'run.googleapis.com/container/memory/utilizations': { kind: 'DELTA', labels: ['container_name'] },
  'pubsub.googleapis.com/subscription/oldest_unacked_message_age': { kind: 'GAUGE', labels: [] },
};
export const RESOURCE_LABELS = ['service_name', 'subscription_id'];
