import { randomUUID } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import type { Allow } from '../../delivery/resolve-options.ts';
import type { Caller, Source } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { QuerySource } from '../query-source.ts';
import type { SourceRequest } from '../source-access.ts';
import { createEncoder } from './encode.ts';
import { type BigQueryDependencies, type Job, jobPrefixOf, type QueryRun, runQuery } from './job.ts';
import { fillTemplate, queryParameters } from './parameters.ts';
import { queryNotFound } from './query-errors.ts';
import { bytesOfResult, type Page, readPage } from './rows.ts';

interface QueryDependencies extends BigQueryDependencies {
  queries: Config['queries'];
  allow: Allow;
  /** True if the caller is one of the `callers` of the query. */
  mayRun(caller: Caller, query: string): boolean;
  log: Log;
}

/** A query that the caller may run: its bytes, and its name and path with the parameters filled in. */
export interface OpenedQuery {
  source: Source;
  fill(template: string, field: 'name' | 'path'): string;
}

/** Time to answer the caller before the request ends. */
const ANSWER_MARGIN_MS = 15_000;
/** Pub/Sub waits up to ten minutes for an answer. The job goes on, and the next delivery of the message finds it. */
const MAX_MESSAGE_WAIT_MS = 540_000;

const waitUntilMs = (request: SourceRequest, nowMs: number): number => {
  const end = request.deadlineMs - ANSWER_MARGIN_MS;
  return request.allowedDestinations === undefined ? end : Math.min(end, nowMs + MAX_MESSAGE_WAIT_MS);
};

/** The parts that make a job the same: who asks, under which key, for which query with which values. Without a key each is its own. */
const jobPartsOf = (asked: QuerySource, { caller, idempotencyKey }: SourceRequest): unknown[] => [
  caller.sub,
  idempotencyKey ?? randomUUID(),
  asked.query,
  asked.parameters ?? {},
];

const TYPES = { csv: 'text/csv', jsonl: 'application/x-ndjson' } as const;

/**
 * Opens a named query for a caller. It checks the destination first, then whether the query may be delivered there and by
 * whom. A query that is not allowed gets the same error as one that does not exist. The job is started when the bytes are
 * first read: by then the key is claimed, and a delivery that has a receipt never gets there.
 * @throws CourierError `destination-forbidden`, `query-not-found`, `request-invalid`
 */
export const openQuery = (dependencies: QueryDependencies, asked: QuerySource, request: SourceRequest): OpenedQuery => {
  const { queries, allow, mayRun, log, now } = dependencies;
  const { caller, allowedDestinations, requestId, signal } = request;
  const destination = allow(caller, request.destination, allowedDestinations);
  const { query: name, format = 'csv', rawCells = false } = asked;
  const config = Object.hasOwn(queries, name) ? queries[name] : undefined;
  if (config === undefined || !config.destinations.includes(destination.name) || !mayRun(caller, name)) {
    const why = 'the query does not exist, or its "destinations" or "callers" do not allow it; answered as not found';
    log.warn({ requestId, destination: destination.name, query: name }, why);
    throw queryNotFound(name);
  }
  const parameters = queryParameters(config, asked.parameters ?? {});
  const jobPrefix = jobPrefixOf(jobPartsOf(asked, request));
  let job: Job | undefined;

  async function* open(): AsyncGenerator<Buffer> {
    const run: QueryRun = {
      name,
      config: config as QueryRun['config'],
      parameters,
      jobPrefix,
      signal,
      waitUntilMs: waitUntilMs(request, now()),
    };
    let first: Page | undefined;
    job = await runQuery(dependencies, run, async (done) => {
      first = await readPage(dependencies, run, done);
      return first !== undefined;
    });
    if (first === undefined) throw new CourierError('google-unavailable');
    yield* bytesOfResult(dependencies, run, { job, first, encoder: createEncoder(format, { rawCells }) });
  }

  return {
    source: {
      size: undefined,
      mimeType: TYPES[format],
      // The key fixes the job and the job its result, so the same key has the same bytes.
      ...(request.idempotencyKey === undefined
        ? {}
        : { identity: `bigquery:${JSON.stringify([name, parameters, format, rawCells])}` }),
      open,
      facts: () => ({
        query: name,
        ...(job === undefined
          ? {}
          : { queryJob: `${job.project}:${job.location}.${job.id}`, bytesBilled: job.bytesBilled }),
      }),
    },
    fill: (template, field) => fillTemplate(template, parameters, field),
  };
};
