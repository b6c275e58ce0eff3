import { mkdirSync } from 'node:fs';
import { checkBody, parseJson, readAll } from '../drive/call/body.ts';
import { sendError } from '../drive/call/call.ts';
import { readParameters } from '../drive/call/parameters.ts';
import type { Route } from '../drive/discovery/discovery.ts';
import { findSchemaViolations } from '../drive/discovery/schema-violations.ts';
import type { GoogleCall, Grant, ServiceContext } from '../google-service.ts';
import { bearerOf, sendJson } from '../http/answers.ts';
import { ApiError, errorInfo, rpcError } from '../http/api-error.ts';
import type { StorageService } from '../storage/service.ts';
import type { BigQueryCall, Method } from './call.ts';
import { loadBigQueryDiscovery, readDiscoveryDocument } from './discovery.ts';
import { createEngine } from './engine.ts';
import { notImplemented } from './errors.ts';
import {
  datasetsDelete,
  datasetsGet,
  datasetsInsert,
  datasetsList,
  datasetsPatch,
  projectsList,
} from './methods/datasets.ts';
import { jobsCancel, jobsGet, jobsGetQueryResults, jobsInsert, jobsQuery } from './methods/jobs.ts';
import { tabledataList } from './methods/results.ts';
import { tabledataInsertAll, tablesDelete, tablesGet, tablesInsert, tablesList } from './methods/tables.ts';
import type { BigQueryState, JobSettings } from './state.ts';
import { openStore } from './store.ts';

const API = 'bigquery.googleapis.com';
const MAX_BODY_BYTES = 10 * 1024 * 1024;

/** The methods of the discovery document that are implemented here. All others answer 501. */
const METHODS: Readonly<Record<string, Method>> = {
  'bigquery.datasets.delete': datasetsDelete,
  'bigquery.datasets.get': datasetsGet,
  'bigquery.datasets.insert': datasetsInsert,
  'bigquery.datasets.list': datasetsList,
  'bigquery.datasets.patch': datasetsPatch,
  'bigquery.jobs.cancel': jobsCancel,
  'bigquery.jobs.get': jobsGet,
  'bigquery.jobs.getQueryResults': jobsGetQueryResults,
  'bigquery.jobs.insert': jobsInsert,
  'bigquery.jobs.query': jobsQuery,
  'bigquery.projects.list': projectsList,
  'bigquery.tabledata.insertAll': tabledataInsertAll,
  'bigquery.tabledata.list': tabledataList,
  'bigquery.tables.delete': tablesDelete,
  'bigquery.tables.get': tablesGet,
  'bigquery.tables.insert': tablesInsert,
  'bigquery.tables.list': tablesList,
};

/** @throws ApiError 401 for the token, 403 for its scopes and for an API that is not enabled */
const authorize = ({ tokens, isApiEnabled }: ServiceContext, call: GoogleCall, { method }: Route): Grant => {
  const token = bearerOf(call);
  const metadata = { service: API, method: method.id };
  const grant = token === undefined ? undefined : tokens.find(token);
  if (grant === undefined)
    throw rpcError('UNAUTHENTICATED', 'Request had invalid authentication credentials.', [
      errorInfo('ACCESS_TOKEN_EXPIRED', 'googleapis.com', metadata),
    ]);
  if (!grant.scopes.some((scope) => method.scopes.includes(scope)))
    throw rpcError('PERMISSION_DENIED', 'Request had insufficient authentication scopes.', [
      errorInfo('ACCESS_TOKEN_SCOPE_INSUFFICIENT', 'googleapis.com', metadata),
    ]);
  if (!isApiEnabled(grant.project, API)) {
    const message = `BigQuery API has not been used in project ${grant.project} before or it is disabled.`;
    const body = { code: 403, message, errors: [{ message, domain: 'usageLimits', reason: 'accessNotConfigured' }] };
    throw new ApiError(403, message, { error: { ...body, status: 'PERMISSION_DENIED' } });
  }
  return grant;
};

export interface BigQueryApi {
  schemaViolations: readonly string[];
  handle(call: GoogleCall): Promise<boolean>;
  close(): void;
}

/** BigQuery v2 (https://cloud.google.com/bigquery/docs/reference/rest). */
export const createBigQueryApi = (
  context: ServiceContext,
  { storage, settings }: { storage: StorageService; settings: JobSettings },
): BigQueryApi => {
  mkdirSync(context.dataDir, { recursive: true });
  const state: BigQueryState = {
    context,
    discovery: loadBigQueryDiscovery(),
    engine: createEngine(context.dataDir),
    store: openStore(context.dataDir, context.now),
    storage,
    settings,
    running: new Map(),
  };
  const schemaViolations: string[] = [];

  const answer = async (google: GoogleCall, route: Route): Promise<void> => {
    const { method, path } = route;
    const run = Object.hasOwn(METHODS, method.id) ? METHODS[method.id] : undefined;
    if (run === undefined || route.form !== 'plain') throw notImplemented(method.id);
    const call: BigQueryCall = {
      google,
      method,
      path,
      grant: authorize(context, google, route),
      parameters: readParameters(method, google.url.searchParams, false),
      body: async () => {
        const body = parseJson(await readAll(google.request, MAX_BODY_BYTES));
        if (method.request !== undefined) checkBody(state.discovery, method.request.$ref, body);
        return body;
      },
    };
    const resource = await run(state, call);
    if (resource === undefined) {
      google.response.writeHead(204).end();
      return;
    }
    schemaViolations.push(...findSchemaViolations(state.discovery, method.response ?? {}, resource, method.id));
    sendJson(google.response, 200, resource);
  };

  return {
    schemaViolations,
    async handle(call) {
      // Clients that build themselves from the discovery document, such as bq, ask for it first. It needs no token.
      if (call.method === 'GET' && call.url.pathname === '/$discovery/rest') {
        sendJson(call.response, 200, readDiscoveryDocument());
        return true;
      }
      const route = state.discovery.match(call.method, call.url.pathname);
      if (route === undefined) return false;
      try {
        await answer(call, route);
      } catch (error) {
        if (error instanceof ApiError && !call.response.headersSent)
          sendJson(call.response, error.code, error.body, error.headers);
        else sendError(call.response, error);
      }
      return true;
    },
    close() {
      for (const { abort } of state.running.values()) abort.abort();
      state.engine.close();
    },
  };
};
