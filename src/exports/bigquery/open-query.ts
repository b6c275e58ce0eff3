import { randomUUID } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import type { Allow } from '../../delivery/resolve-options.ts';
import type { Caller, Source } from '../../domain.ts';
import type { QuerySource } from '../query-source.ts';
import type { SourceRequest } from '../source-access.ts';
import { createJobSource } from './job-source.ts';
import { openTable } from './open-table.ts';
import { fillTemplate, queryParameters, valuesOf } from './parameters.ts';
import { queryNotFound } from './query-errors.ts';
import type { StagingDependencies } from './staged/staged-result.ts';

interface QueryDependencies extends StagingDependencies {
  queries: Config['queries'];
  allow: Allow;
  /** True if the caller is one of the `callers` of the query. */
  mayRun(caller: Caller, query: string): boolean;
}

/** A query that the caller may run: its bytes, and its name and path with the parameters filled in. */
export interface OpenedQuery {
  source: Source;
  fill(template: string, field: 'name' | 'path'): string;
}

/**
 * Opens a table, or a named query for a caller. It checks the destination first, then whether the query may be delivered there
 * and by whom. A query that is not allowed gets the same error as one that does not exist.
 * @throws CourierError `destination-forbidden`, `query-not-found`, `source-not-found`, `request-invalid`
 */
export const openQuery = (dependencies: QueryDependencies, asked: QuerySource, request: SourceRequest): OpenedQuery => {
  const { queries, allow, mayRun, log } = dependencies;
  const { caller, allowedDestinations, requestId, idempotencyKey } = request;
  const destination = allow(caller, request.destination, allowedDestinations);
  const { query: name = '', table, format, rawCells } = asked;
  if (table !== undefined) {
    const source = openTable(dependencies, { ...asked, table }, { ...request, from: destination });
    return { source, fill: (template, field) => fillTemplate(template, [], field) };
  }
  const config = Object.hasOwn(queries, name) ? queries[name] : undefined;
  if (config === undefined || !config.destinations.includes(destination.name) || !mayRun(caller, name)) {
    const why = 'the query does not exist, or its "destinations" or "callers" do not allow it; answered as not found';
    log.warn({ requestId, destination: destination.name, query: name }, why);
    throw queryNotFound(name);
  }
  const parameters = queryParameters(config, asked.parameters ?? {});
  const source = createJobSource(
    dependencies,
    {
      name,
      parameters,
      format,
      rawCells,
      // The caller, the key, the query and its values identify the job. Without a key, each request has a job of its own.
      jobParts: [caller.sub, idempotencyKey ?? randomUUID(), name, valuesOf(parameters)],
      identity: [name, parameters],
      facts: { query: name },
      config: async () => config,
    },
    request,
  );
  return { source, fill: (template, field) => fillTemplate(template, parameters, field) };
};
