import { z } from 'zod';
import { type BigQueryCall, type Method, pathParameter, requireOnDataset, requireOnTable } from '../call.ts';
import { BigQueryError } from '../errors.ts';
import { labelOf, type TableName, type TableRecord } from '../model.ts';
import { duckTypeOf, fieldsFrom, sqlOfJson } from '../schema.ts';
import { quoteName } from '../sql/literals.ts';
import { engineTable, measure } from '../state.ts';
import { tableKey } from '../store.ts';

export const tableNameIn = (call: BigQueryCall): TableName => ({
  project: pathParameter(call, 'projectId'),
  dataset: pathParameter(call, 'datasetId'),
  table: pathParameter(call, 'tableId'),
});

const resourceOf = ({
  project,
  dataset,
  id,
  fields,
  rows,
  bytes,
  createdMs,
  location,
  owner,
}: TableRecord): object => ({
  kind: 'bigquery#table',
  etag: String(createdMs),
  id: `${project}:${dataset}.${id}`,
  selfLink: `https://bigquery.googleapis.com/bigquery/v2/projects/${project}/datasets/${dataset}/tables/${id}`,
  tableReference: { projectId: project, datasetId: dataset, tableId: id },
  schema: { fields },
  numBytes: String(bytes),
  numRows: String(rows),
  creationTime: String(createdMs),
  lastModifiedTime: String(createdMs),
  ...(owner === undefined ? {} : { expirationTime: String(createdMs + 86_400_000) }),
  type: 'TABLE',
  location,
});

const sent = z.object({ tableReference: z.object({ tableId: z.string() }), schema: z.unknown() });

export const tablesInsert: Method = async (state, call) => {
  const { project, dataset } = tableNameIn(call);
  const { location } = state.store.dataset(project, dataset);
  requireOnDataset(state, call.grant, 'bigquery.tables.create', { project, dataset });
  const body = await call.body();
  const { tableReference, schema } = sent.parse({ schema: undefined, ...body });
  const id = tableReference.tableId;
  const name = { project, dataset, table: id };
  if (!/^[\p{L}\p{M}\p{N}\p{Pc}\p{Pd} ]{1,1024}$/u.test(id))
    throw new BigQueryError('invalid', `Invalid table ID "${id}".`);
  if (state.store.tables.has(tableKey(name)))
    throw new BigQueryError('duplicate', `Already Exists: Table ${labelOf(name)}`);
  const fields = fieldsFrom(schema);
  const table: TableRecord = {
    project,
    dataset,
    id,
    fields,
    columns: fields.map((field) => field.name),
    rows: 0,
    bytes: 0,
    createdMs: state.context.now(),
    location,
  };
  const columns = fields.map((field) => `${quoteName(field.name)} ${duckTypeOf(field)}`).join(', ');
  await state.engine.run(`CREATE TABLE ${engineTable(table)} (${columns})`);
  state.store.tables.set(tableKey(name), table);
  state.store.save();
  return resourceOf(table);
};

export const tablesGet: Method = (state, call) => {
  const table = state.store.table(tableNameIn(call));
  requireOnTable(state, call.grant, 'bigquery.tables.get', table);
  return resourceOf(table);
};

export const tablesList: Method = (state, call) => {
  const { project, dataset } = tableNameIn(call);
  state.store.dataset(project, dataset);
  requireOnDataset(state, call.grant, 'bigquery.tables.list', { project, dataset });
  const tables = [...state.store.tables.values()]
    .filter((each) => each.project === project && each.dataset === dataset)
    .map(({ id, createdMs }) => ({
      kind: 'bigquery#table',
      id: `${project}:${dataset}.${id}`,
      tableReference: { projectId: project, datasetId: dataset, tableId: id },
      type: 'TABLE',
      creationTime: String(createdMs),
    }));
  const list = tables.length === 0 ? {} : { tables };
  return { kind: 'bigquery#tableList', etag: 'list', ...list, totalItems: tables.length };
};

export const tablesDelete: Method = async (state, call) => {
  const name = tableNameIn(call);
  const table = state.store.table(name);
  requireOnTable(state, call.grant, 'bigquery.tables.delete', table);
  await state.engine.run(`DROP TABLE ${engineTable(table)}`);
  state.store.tables.delete(tableKey(name));
  state.store.save();
  return undefined;
};

const sentRows = z.object({ rows: z.array(z.object({ json: z.record(z.string(), z.unknown()) })).min(1) });

/** `tabledata.insertAll`. The rows can be read at once; the real BigQuery may take a moment. */
export const tabledataInsertAll: Method = async (state, call) => {
  const table = state.store.table(tableNameIn(call));
  requireOnTable(state, call.grant, 'bigquery.tables.updateData', table);
  const parsed = sentRows.safeParse(await call.body());
  if (!parsed.success) throw new BigQueryError('invalid', 'No rows present in the request.');
  const insertErrors: object[] = [];
  const values = parsed.data.rows.map(({ json }, index) => {
    const unknown = Object.keys(json).find((name) => !table.fields.some((field) => field.name === name));
    try {
      if (unknown !== undefined) throw new BigQueryError('invalid', `no such field: ${unknown}.`, unknown);
      return `(${table.fields.map((field) => sqlOfJson(field, json[field.name])).join(', ')})`;
    } catch (error) {
      if (!(error instanceof BigQueryError)) throw error;
      insertErrors.push({ index, errors: [error.proto] });
      return '';
    }
  });
  if (insertErrors.length > 0) return { kind: 'bigquery#tableDataInsertAllResponse', insertErrors };
  await state.engine.run(`INSERT INTO ${engineTable(table)} VALUES ${values.join(', ')}`);
  await measure(state, table);
  state.store.save();
  return { kind: 'bigquery#tableDataInsertAllResponse' };
};
