import type { Config } from './config.ts';
import { bucketOf, isTableSource, tableOf } from './schema/sources.ts';
import { datasetsInSql } from './sql-datasets.ts';

/** What the courier's own account needs in Google Cloud for a configuration, besides its credentials and its ledger. */
interface NeededPermissions {
  /** Projects in which it runs BigQuery jobs. */
  jobProjects: readonly string[];
  /** `PROJECT.DATASET`: all of it is read. */
  datasets: readonly string[];
  /** `PROJECT.DATASET.TABLE` */
  tables: readonly string[];
  /** Buckets whose objects it lists and reads. */
  buckets: readonly string[];
  /** Buckets to which large results of queries are exported, and where they are read and deleted. */
  stagingBuckets: readonly string[];
  /** `projects/PROJECT/topics/NAME`, to which it publishes. */
  topics: readonly string[];
  /** Queries whose SQL does not show all their datasets. */
  unclearQueries: readonly string[];
}

const sorted = (items: readonly (string | null | undefined)[]): string[] =>
  [...new Set(items.filter((item) => item !== null && item !== undefined))].sort();

/** Topics of subscriptions that accept messages with a prefix: a message for each object is published to the same topic. */
const fanOutTopics = ({ pubsub, destinations }: Config): (string | undefined)[] =>
  Object.values(pubsub.subscriptions).flatMap(({ topic, sources, destinations: names }) => {
    const all = [...sources, ...names.flatMap((name) => destinations[name]?.sources ?? [])];
    return all.some((source) => !isTableSource(source)) ? [topic] : [];
  });

/**
 * The permissions that follow from a configuration. A project that is not configured is the courier's own.
 * @internal for tests
 */
export const neededPermissions = (config: Config): NeededPermissions => {
  const { destinations, pubsub, queries, receiptTopic } = config;
  const project = config.project ?? 'PROJECT';
  const sources = [...Object.values(destinations), ...Object.values(pubsub.subscriptions)]
    .flatMap((each) => each.sources)
    .concat(pubsub.eventSources);
  const tables = sources.filter(isTableSource).map(tableOf);
  const wholeDatasets = tables.filter((table) => table.endsWith('.*')).map((table) => table.slice(0, -'.*'.length));
  const read = Object.entries(queries).map(([name, query]) => {
    const jobProject = query.project ?? project;
    return { name, jobProject, ...datasetsInSql(query.sql, jobProject) };
  });
  const datasets = sorted([...wholeDatasets, ...read.flatMap((query) => query.datasets)]);
  const isInDataset = (table: string): boolean => datasets.includes(table.slice(0, table.lastIndexOf('.')));
  return {
    jobProjects: sorted([...read.map(({ jobProject }) => jobProject), ...(tables.length > 0 ? [project] : [])]),
    datasets,
    tables: sorted(tables.filter((table) => !isInDataset(table))),
    buckets: sorted(sources.filter((source) => !isTableSource(source)).map(bucketOf)),
    stagingBuckets: sorted(Object.values(queries).map(({ staging }) => staging && bucketOf(staging.prefix))),
    topics: sorted([pubsub.deadLetterTopic, receiptTopic, ...fanOutTopics(config)]),
    unclearQueries: read.filter(({ isComplete }) => !isComplete).map(({ name }) => name),
  };
};

/** One permission a line, for scripts: its kind, and what it is for. */
export const permissionLines = (config: Config): string[] => {
  const { jobProjects, datasets, tables, buckets, stagingBuckets, topics, unclearQueries } = neededPermissions(config);
  const lines = {
    jobs: jobProjects,
    dataset: datasets,
    table: tables,
    bucket: buckets,
    staging: stagingBuckets,
    topic: topics,
    unclear: unclearQueries,
  };
  return Object.entries(lines).flatMap(([kind, names]) => names.map((name) => `${kind} ${name}`));
};
