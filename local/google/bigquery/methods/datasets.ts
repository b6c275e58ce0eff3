import { z } from 'zod';
import { isAllowed, type Method, pathParameter, requireOnDataset, requireOnProject } from '../call.ts';
import { BigQueryError } from '../errors.ts';
import type { AccessEntry, DatasetRecord } from '../model.ts';
import { quoteName } from '../sql/literals.ts';
import { engineTable } from '../state.ts';
import { datasetKey, tableKey } from '../store.ts';

const accessEntry = z.looseObject({
  role: z.string().optional(),
  userByEmail: z.string().optional(),
  groupByEmail: z.string().optional(),
  specialGroup: z.string().optional(),
});

const sent = z.object({
  datasetReference: z.object({ datasetId: z.string() }).optional(),
  location: z.string().default('US'),
  access: z.array(accessEntry).optional(),
  labels: z.record(z.string(), z.string()).default({}),
  description: z.string().optional(),
});

/** Names of BigQuery's own locations are upper case, those of regions lower case. */
const locationOf = (text: string): string => (/^(?:us|eu)$/i.test(text) ? text.toUpperCase() : text.toLowerCase());

const entryOf = ({
  role = 'READER',
  userByEmail,
  groupByEmail,
  specialGroup,
}: z.infer<typeof accessEntry>): AccessEntry => ({
  role,
  ...(userByEmail === undefined ? {} : { userByEmail }),
  ...(groupByEmail === undefined ? {} : { groupByEmail }),
  ...(specialGroup === undefined ? {} : { specialGroup }),
});

const resourceOf = ({ project, id, location, access, labels, description, createdMs }: DatasetRecord): object => ({
  kind: 'bigquery#dataset',
  etag: String(createdMs),
  id: `${project}:${id}`,
  selfLink: `https://bigquery.googleapis.com/bigquery/v2/projects/${project}/datasets/${id}`,
  datasetReference: { projectId: project, datasetId: id },
  access,
  labels,
  description,
  location,
  creationTime: String(createdMs),
  lastModifiedTime: String(createdMs),
  type: 'DEFAULT',
});

export const datasetsInsert: Method = async (state, call) => {
  const project = pathParameter(call, 'projectId');
  requireOnProject(state, call.grant, 'bigquery.datasets.create', project);
  const { datasetReference, location, access, labels, description } = sent.parse(await call.body());
  const id = datasetReference?.datasetId ?? '';
  if (!/^\w{1,1024}$/.test(id))
    throw new BigQueryError(
      'invalid',
      `Invalid dataset ID "${id}". Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.`,
    );
  if (state.store.datasets.has(datasetKey(project, id)))
    throw new BigQueryError('duplicate', `Already Exists: Dataset ${project}:${id}`);
  const dataset: DatasetRecord = {
    project,
    id,
    location: locationOf(location),
    access: access?.map(entryOf) ?? [
      { role: 'OWNER', specialGroup: 'projectOwners' },
      { role: 'OWNER', userByEmail: call.grant.email },
    ],
    labels,
    description,
    createdMs: state.context.now(),
  };
  await state.engine.run(`CREATE SCHEMA IF NOT EXISTS ${quoteName(datasetKey(project, id))}`);
  state.store.datasets.set(datasetKey(project, id), dataset);
  state.store.save();
  return resourceOf(dataset);
};

export const datasetsGet: Method = (state, call) => {
  const [project, dataset] = [pathParameter(call, 'projectId'), pathParameter(call, 'datasetId')];
  const found = state.store.dataset(project, dataset);
  requireOnDataset(state, call.grant, 'bigquery.datasets.get', { project, dataset });
  return resourceOf(found);
};

/** Changes what can be changed here: who has access, labels and the description. */
export const datasetsPatch: Method = async (state, call) => {
  const [project, dataset] = [pathParameter(call, 'projectId'), pathParameter(call, 'datasetId')];
  const found = state.store.dataset(project, dataset);
  requireOnDataset(state, call.grant, 'bigquery.datasets.update', { project, dataset });
  const body = await call.body();
  const { access, labels, description } = sent.parse(body);
  if (access !== undefined) found.access = access.map(entryOf);
  if (body.labels !== undefined) found.labels = labels;
  if (description !== undefined) found.description = description;
  state.store.save();
  return resourceOf(found);
};

export const datasetsList: Method = (state, call) => {
  const project = pathParameter(call, 'projectId');
  const datasets = [...state.store.datasets.values()]
    .filter((each) => each.project === project)
    .filter(({ id }) => isAllowed(state, call.grant, 'bigquery.datasets.get', { project, dataset: id }))
    .map(({ id, location, labels }) => ({
      kind: 'bigquery#dataset',
      id: `${project}:${id}`,
      datasetReference: { projectId: project, datasetId: id },
      labels,
      location,
    }));
  return { kind: 'bigquery#datasetList', etag: 'list', ...(datasets.length === 0 ? {} : { datasets }) };
};

export const datasetsDelete: Method = async (state, call) => {
  const [project, dataset] = [pathParameter(call, 'projectId'), pathParameter(call, 'datasetId')];
  state.store.dataset(project, dataset);
  requireOnDataset(state, call.grant, 'bigquery.datasets.delete', { project, dataset });
  const tables = [...state.store.tables.values()].filter(
    (each) => each.project === project && each.dataset === dataset,
  );
  if (tables.length > 0 && !call.parameters.flag('deleteContents'))
    throw new BigQueryError('resourceInUse', `Dataset ${project}:${dataset} is still in use`);
  for (const table of tables) {
    await state.engine.run(`DROP TABLE ${engineTable(table)}`);
    state.store.tables.delete(tableKey({ project, dataset, table: table.id }));
  }
  await state.engine.run(`DROP SCHEMA ${quoteName(datasetKey(project, dataset))}`);
  state.store.datasets.delete(datasetKey(project, dataset));
  state.store.save();
  return undefined;
};

/** `projects.list`: the one project of this Google. */
export const projectsList: Method = (_, { grant: { project } }) => ({
  kind: 'bigquery#projectList',
  etag: 'list',
  projects: [
    {
      kind: 'bigquery#project',
      id: project,
      numericId: '123456789012',
      projectReference: { projectId: project },
      friendlyName: project,
    },
  ],
  totalItems: 1,
});
