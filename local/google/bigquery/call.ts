import type { Parameters } from '../drive/call/parameters.ts';
import type { MethodDescription } from '../drive/discovery/discovery.ts';
import type { GoogleCall, Grant } from '../google-service.ts';
import { BigQueryError } from './errors.ts';
import { type AccessEntry, labelOf, type TableRecord } from './model.ts';
import type { BigQueryState } from './state.ts';

/** An authorized call of a BigQuery method. */
export interface BigQueryCall {
  google: GoogleCall;
  method: MethodDescription;
  path: Record<string, string>;
  parameters: Parameters;
  grant: Grant;
  /** The JSON body, checked against the method's schema. */
  body(): Promise<Record<string, unknown>>;
}

/** The resource to send; undefined for 204. */
export type Method = (state: BigQueryState, call: BigQueryCall) => Promise<object | undefined> | object | undefined;

const VIEWER = ['bigquery.datasets.get', 'bigquery.tables.get', 'bigquery.tables.list', 'bigquery.tables.getData'];
const EDITOR = [...VIEWER, 'bigquery.tables.create', 'bigquery.tables.updateData', 'bigquery.tables.delete'];
const OWNER = [...EDITOR, 'bigquery.datasets.update', 'bigquery.datasets.delete'];

/** What the roles of `Dataset.access` permit (https://cloud.google.com/bigquery/docs/access-control#bigquery). */
const DATASET_ROLES: Readonly<Record<string, readonly string[]>> = {
  READER: VIEWER,
  WRITER: EDITOR,
  OWNER,
  'roles/bigquery.dataViewer': VIEWER,
  'roles/bigquery.dataEditor': EDITOR,
  'roles/bigquery.dataOwner': OWNER,
};

const isFor = ({ userByEmail }: AccessEntry, { email }: Grant): boolean =>
  userByEmail?.toLowerCase() === email.toLowerCase();

/** True when the account has the permission by a role on the project or on the dataset. */
export const isAllowed = (
  { context, store }: BigQueryState,
  grant: Grant,
  permission: string,
  { project, dataset }: { project: string; dataset?: string },
): boolean => {
  if (context.isAllowedOnProject(grant, project, permission)) return true;
  const entries = dataset === undefined ? [] : (store.datasets.get(`${project}.${dataset}`)?.access ?? []);
  return entries.some((entry) => isFor(entry, grant) && (DATASET_ROLES[entry.role] ?? []).includes(permission));
};

/** @throws BigQueryError `accessDenied` */
export const requireOnProject = (state: BigQueryState, grant: Grant, permission: string, project: string): void => {
  if (isAllowed(state, grant, permission, { project })) return;
  throw new BigQueryError(
    'accessDenied',
    `Access Denied: Project ${project}: User does not have ${permission} permission in project ${project}.`,
  );
};

/** @throws BigQueryError `accessDenied` */
export const requireOnDataset = (
  state: BigQueryState,
  grant: Grant,
  permission: string,
  { project, dataset }: { project: string; dataset: string },
): void => {
  if (isAllowed(state, grant, permission, { project, dataset })) return;
  throw new BigQueryError(
    'accessDenied',
    `Access Denied: Dataset ${project}:${dataset}: Permission ${permission} denied on dataset ${project}:${dataset} (or it may not exist).`,
  );
};

/**
 * A query's result can be read by the account that ran the query. Any other table needs the permission. @throws
 * BigQueryError `accessDenied`
 */
export const requireOnTable = (state: BigQueryState, grant: Grant, permission: string, table: TableRecord): void => {
  const { project, dataset, id, owner } = table;
  if (owner === undefined ? isAllowed(state, grant, permission, { project, dataset }) : owner === grant.email) return;
  const label = labelOf({ project, dataset, table: id });
  const message =
    permission === 'bigquery.tables.getData'
      ? `User does not have permission to query table ${label}, or perhaps it does not exist.`
      : `Permission ${permission} denied on table ${label} (or it may not exist).`;
  throw new BigQueryError('accessDenied', `Access Denied: Table ${label}: ${message}`);
};

export const pathParameter = ({ path }: BigQueryCall, name: string): string => path[name] ?? '';
