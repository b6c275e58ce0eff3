import { BigQueryError, invalidQuery, notImplemented } from '../errors.ts';
import type { TableName } from '../model.ts';

/** The table that a path of names in a query means. @throws BigQueryError `invalidQuery`, `invalid`, `notImplemented` */
export const tableNamed = (
  parts: readonly string[],
  { project, defaultDataset }: { project: string; defaultDataset: { project: string; dataset: string } | undefined },
): TableName => {
  const [table = '', dataset, own] = parts.toReversed();
  if (/\*$/.test(table)) throw notImplemented('wildcard tables');
  if (parts.some((part) => part.toUpperCase() === 'INFORMATION_SCHEMA')) throw notImplemented('INFORMATION_SCHEMA');
  if (parts.length > 3) throw invalidQuery(`Invalid table name: ${parts.join('.')}`);
  if (dataset !== undefined) return { project: own ?? project, dataset, table };
  if (defaultDataset === undefined)
    throw new BigQueryError(
      'invalid',
      `Table "${table}" must be qualified with a dataset (e.g. dataset.table).`,
      table,
    );
  return { ...defaultDataset, table };
};
