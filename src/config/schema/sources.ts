import { z } from 'zod';

/** https://cloud.google.com/storage/docs/buckets#naming */
const BUCKET = /^gs:\/\/[a-z0-9][\w.-]{1,220}[a-z0-9]$/;
const MAX_OBJECT_NAME_BYTES = 1024;

/** True for a name with a "." or ".." segment, which some programs resolve as this folder or its parent. */
export const hasDotSegment = (name: string): boolean => name.split('/').some((part) => part === '.' || part === '..');

/** A table of BigQuery, or "*" for all tables of a dataset: https://cloud.google.com/bigquery/docs/tables#table_naming */
const TABLES =
  /^bigquery:\/\/(?:[a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,61}[a-z0-9]\.\w{1,1024}\.(?:\*|[\p{L}\p{M}\p{N}\p{Pc}\p{Pd} ]{1,1024})$/u;

const TABLE_SCHEME = 'bigquery://';
/** True for an entry that allows tables of BigQuery, and no objects. */
export const isTableSource = (source: string): boolean => source.startsWith(TABLE_SCHEME);

/** The table, or all tables of a dataset, of an entry that allows tables. */
export const tableOf = (source: string): string => source.slice(TABLE_SCHEME.length);

/** The bucket of an entry that allows objects. */
export const bucketOf = (source: string): string => source.slice('gs://'.length, source.indexOf('/', 'gs://'.length));

/** True if an entry names the table, or all tables of its dataset. */
export const allowsTable = (sources: readonly string[], table: string): boolean => {
  const dataset = table.slice(0, table.lastIndexOf('.'));
  return sources.includes(`${TABLE_SCHEME}${table}`) || sources.includes(`${TABLE_SCHEME}${dataset}.*`);
};

/** True for `project.dataset.table`, without wildcards. */
export const isTableName = (table: string): boolean => !table.endsWith('*') && TABLES.test(`${TABLE_SCHEME}${table}`);

/** What is wrong with the beginning of the names of objects; undefined if nothing is. */
const faultOfPrefix = (text: string, forms: string): string | undefined => {
  const slash = text.indexOf('/', 'gs://'.length);
  const bucket = slash === -1 ? text : text.slice(0, slash);
  if (!BUCKET.test(bucket)) return `"${text}" is not ${forms}`;
  const prefix = slash === -1 ? '' : text.slice(slash + 1);
  if (/[*?]/.test(prefix)) return `"${text}" has a wildcard; a prefix that ends with "/" needs none`;
  if (prefix !== '' && !prefix.endsWith('/')) {
    // Without the slash it would also match "PREFIX-private/…".
    return `"${text}" must end with "/", so that it means everything below "${text}/"`;
  }
  if (hasDotSegment(prefix)) return `"${text}" has the segment "." or "..", which are not folders in Cloud Storage`;
  if (!prefix.isWellFormed() || /\p{Cc}/u.test(prefix) || Buffer.byteLength(prefix) > MAX_OBJECT_NAME_BYTES) {
    return `"${text}" cannot be the beginning of an object name`;
  }
  return undefined;
};

/** What is wrong with an entry of `sources`; undefined if nothing is. */
const faultOf = (text: string): string | undefined => {
  if (!isTableSource(text))
    return faultOfPrefix(text, 'gs://BUCKET/, gs://BUCKET/PREFIX/ or bigquery://PROJECT.DATASET.TABLE');
  if (TABLES.test(text)) return undefined;
  return `"${text}" is not bigquery://PROJECT.DATASET.TABLE or bigquery://PROJECT.DATASET.*`;
};

/** "gs://BUCKET" means the whole bucket. */
const withSlash = (text: string): string =>
  !isTableSource(text) && text.indexOf('/', 'gs://'.length) === -1 ? `${text}/` : text;

const checkedText = (fault: (text: string) => string | undefined) =>
  z
    .string()
    .superRefine((text, context) => {
      const message = fault(text);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .transform(withSlash);

const source = checkedText(faultOf);

/** `gs://BUCKET/` or `gs://BUCKET/PREFIX/`. */
export const objectPrefix = checkedText((text) => faultOfPrefix(text, 'gs://BUCKET/ or gs://BUCKET/PREFIX/'));

/** What may be exported: Cloud Storage objects below one of these prefixes, and tables of BigQuery. The default is none. */
export const sources = z.array(source).default([]);
