/** A log entry as Cloud Logging creates it from a line on standard output. */
export interface LogEntry {
  severity: string;
  resource: { type: string };
  labels: Record<string, string>;
  httpRequest?: Record<string, unknown>;
  trace?: string;
  spanId?: string;
  insertId?: string;
  jsonPayload: Record<string, unknown>;
}

/**
 * Moves the special fields to their places in Cloud Logging
 * (https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields).
 */
export const entryOf = (line: string): LogEntry => {
  const {
    severity,
    httpRequest,
    time: _,
    'logging.googleapis.com/labels': labels = {},
    'logging.googleapis.com/insertId': insertId,
    'logging.googleapis.com/trace': trace,
    'logging.googleapis.com/spanId': spanId,
    'logging.googleapis.com/trace_sampled': __,
    ...jsonPayload
  } = JSON.parse(line) as Record<string, unknown>;
  return {
    severity: String(severity),
    resource: { type: 'cloud_run_revision' },
    labels: labels as Record<string, string>,
    ...(httpRequest === undefined ? {} : { httpRequest: httpRequest as Record<string, unknown> }),
    ...(trace === undefined ? {} : { trace: String(trace) }),
    ...(spanId === undefined ? {} : { spanId: String(spanId) }),
    ...(insertId === undefined ? {} : { insertId: String(insertId) }),
    jsonPayload,
  };
};

export const valueAt = (entry: LogEntry, path: string): unknown =>
  path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], entry);

interface Comparison {
  path: string;
  operator: '=' | '!=' | '=~' | ':';
  value: string;
}

const COMPARISON = /^([\w.]+)(=~|!=|=|:)(?:"((?:[^"\\]|\\.)*)"|(\*))$/;

/**
 * The comparisons of a query-language filter that uses only AND.
 * @throws for anything else, so that no filter is checked partially
 */
export const comparisonsOf = (filter: string): Comparison[] =>
  filter.split(' AND ').map((text) => {
    const [, path, operator, quoted, star] = COMPARISON.exec(text) ?? [];
    if (path === undefined || (operator === ':') !== (star !== undefined))
      throw new Error(`not understood in a filter: ${text}`);
    return { path, operator: operator as Comparison['operator'], value: quoted ?? '*' };
  });

/** https://cloud.google.com/logging/docs/view/logging-query-language: a comparison with a missing field is false, its negation true. */
export const matches = (filter: string, entry: LogEntry): boolean =>
  comparisonsOf(filter).every(({ path, operator, value }) => {
    const found = valueAt(entry, path);
    if (operator === ':') return found !== undefined && found !== null;
    if (operator === '=~') return typeof found === 'string' && new RegExp(value).test(found);
    return (found === value) === (operator === '=');
  });

/** The path in `EXTRACT(path)`. */
export const extractedPath = (extractor: string): string => {
  const [, path] = /^EXTRACT\(([\w.]+)\)$/.exec(extractor) ?? [];
  if (path === undefined) throw new Error(`not understood: ${extractor}`);
  return path;
};
