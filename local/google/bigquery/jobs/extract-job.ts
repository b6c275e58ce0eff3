import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Grant } from '../../google-service.ts';
import { requireOnTable } from '../call.ts';
import { BigQueryError, notImplemented } from '../errors.ts';
import type { Field, JobRecord, TableRecord } from '../model.ts';
import { type BigQueryState, readRows } from '../state.ts';
import { type Row, rowOf } from '../values.ts';
import { type AvroFile, avroFiles } from './avro.ts';

const extractConfiguration = z.object({
  sourceTable: z.object({ projectId: z.string(), datasetId: z.string(), tableId: z.string() }),
  destinationUris: z.array(z.string()).optional(),
  destinationUri: z.string().optional(),
  destinationFormat: z.string().default('CSV'),
  compression: z.string().default('NONE'),
  printHeader: z.boolean().default(true),
  fieldDelimiter: z.string().default(','),
  useAvroLogicalTypes: z.boolean().default(false),
});
type ExtractConfiguration = z.infer<typeof extractConfiguration>;

/** RFC 4180: only what needs quotes has them. An empty text has, so that it differs from NULL. */
const csvCell = (value: unknown, delimiter: string): string => {
  if (value === null || value === undefined) return '';
  const text = String(value);
  return text === '' || /["\r\n]/.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** TIMESTAMP in exports is `2026-11-29 12:00:00 UTC`, with its fraction if there is one; the row has microseconds. */
const plainOf = ({ type }: Field, value: unknown): unknown => {
  if (type !== 'TIMESTAMP' || typeof value !== 'string') return value;
  const micros = BigInt(value);
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const [seconds = ''] = new Date(Number((micros - fraction) / 1000n)).toISOString().split('.');
  const digits = fraction === 0n ? '' : `.${fraction.toString().padStart(6, '0').replace(/0+$/, '')}`;
  return `${seconds.replace('T', ' ')}${digits} UTC`;
};

/** A value in a line of JSON: numbers of 64 bits stay texts, as in BigQuery's exports. */
const jsonOf = (field: Field, value: unknown): unknown => {
  if (value === null || value === undefined) return null;
  if (field.mode === 'REPEATED')
    return (value as { v: unknown }[]).map(({ v }) => jsonOf({ ...field, mode: 'NULLABLE' }, v));
  if (field.type === 'RECORD') return objectOf(field.fields ?? [], value as Row);
  if (field.type === 'BOOLEAN') return value === 'true';
  if (field.type === 'FLOAT' && Number.isFinite(Number(value))) return Number(value);
  if (field.type === 'JSON') return JSON.parse(String(value)) as unknown;
  return plainOf(field, value);
};

/** NULL is left out. */
const objectOf = (fields: readonly Field[], { f }: Row): object =>
  Object.fromEntries(
    fields.map((field, index) => [field.name, jsonOf(field, f[index]?.v)]).filter(([, value]) => value !== null),
  );

const lineOf = (
  fields: readonly Field[],
  row: Row,
  { destinationFormat, fieldDelimiter }: ExtractConfiguration,
): string =>
  destinationFormat === 'CSV'
    ? row.f.map(({ v }, index) => csvCell(plainOf(fields[index] as Field, v), fieldDelimiter)).join(fieldDelimiter)
    : JSON.stringify(objectOf(fields, row));

/** A file of lines, with a header if it has one. */
const lineFiles = (fields: readonly Field[], configuration: ExtractConfiguration): (() => AvroFile) => {
  const { destinationFormat, printHeader, fieldDelimiter, compression } = configuration;
  const hasHeader = destinationFormat === 'CSV' && printHeader;
  const header = hasHeader ? `${fields.map(({ name }) => name).join(fieldDelimiter)}\n` : '';
  return () => {
    let text = header;
    return {
      add(row) {
        text += `${lineOf(fields, row, configuration)}\n`;
        return text.length;
      },
      end: () => (compression === 'GZIP' ? gzipSync(text) : Buffer.from(text)),
    };
  };
};

const PAGE_ROWS = 10_000;

/**
 * Puts the rows into files of a limited size. "The ordering of exported table data is not guaranteed"
 * (bigquery/docs/exporting-data#export_limitations): here the last rows of the table come first.
 */
async function* filesOf(state: BigQueryState, table: TableRecord, newFile: () => AvroFile): AsyncGenerator<Buffer> {
  let file = newFile();
  for (let end = table.rows; end > 0; end -= PAGE_ROWS) {
    const start = Math.max(0, end - PAGE_ROWS);
    for (const values of await readRows(state, table, { start, count: end - start })) {
      const size = file.add(rowOf(table.fields, values, { useInt64Timestamp: true }));
      if (size < state.settings.extractBytes) continue;
      yield file.end();
      file = newFile();
    }
  }
  yield file.end();
}

/** What each format can be compressed with (`JobConfigurationExtract.compression`); SNAPPY and ZSTD are not implemented. */
const FORMATS: Readonly<Record<string, { compressions: readonly string[]; contentType: string }>> = {
  AVRO: { compressions: ['NONE', 'DEFLATE'], contentType: 'application/octet-stream' },
  CSV: { compressions: ['NONE', 'GZIP'], contentType: 'text/csv' },
  NEWLINE_DELIMITED_JSON: { compressions: ['NONE', 'GZIP'], contentType: 'application/json' },
};

/** `gs://bucket/name-*.csv`: the number of the file replaces the star, twelve digits from 0. */
const objectNameOf = (uri: string, index: number): { bucket: string; name: string } => {
  const [, bucket = '', pattern = ''] = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  return { bucket, name: pattern.replace('*', String(index).padStart(12, '0')) };
};

/** Writes a table to Cloud Storage (https://cloud.google.com/bigquery/docs/exporting-data). */
export const runExtract = async (state: BigQueryState, grant: Grant, job: JobRecord, sent: unknown): Promise<void> => {
  const configuration = extractConfiguration.parse(sent);
  const { sourceTable, destinationFormat, compression, useAvroLogicalTypes } = configuration;
  const { projectId: project, datasetId: dataset, tableId } = sourceTable;
  const table = state.store.table({ project, dataset, table: tableId }, job.location);
  requireOnTable(state, grant, 'bigquery.tables.getData', table);
  const [uri, ...more] = configuration.destinationUris ?? [configuration.destinationUri ?? ''];
  if (uri === undefined || !/^gs:\/\/[^/]+\/.+$/.test(uri) || more.length > 0)
    throw new BigQueryError('invalid', `Invalid extract destination URI '${uri}'.`);
  const format = FORMATS[destinationFormat];
  if (format === undefined) throw notImplemented(`exports as ${destinationFormat}`);
  if (!format.compressions.includes(compression))
    throw notImplemented(`exports as ${destinationFormat} with ${compression}`);
  if (destinationFormat === 'AVRO' && !useAvroLogicalTypes)
    throw notImplemented('exports as AVRO without useAvroLogicalTypes');
  const nested = table.fields.find(({ type, mode }) => type === 'RECORD' || mode === 'REPEATED');
  if (destinationFormat === 'CSV' && nested !== undefined)
    throw new BigQueryError('invalid', `Operation cannot be performed on a nested schema. Field: ${nested.name}`);
  const { bucket } = objectNameOf(uri, 0);
  if (!state.storage.mayWrite(bucket, grant.email))
    throw new BigQueryError(
      'accessDenied',
      `Access Denied: BigQuery BigQuery: Permission denied while writing data. ${grant.email} does not have storage.objects.create access to bucket ${bucket}.`,
    );
  let files = 0;
  const newFile =
    destinationFormat === 'AVRO' ? avroFiles(table.fields, compression) : lineFiles(table.fields, configuration);
  for await (const bytes of filesOf(state, table, newFile)) {
    if (files > 0 && !uri.includes('*'))
      throw new BigQueryError(
        'invalid',
        'Table too large to be exported to a single file. Specify a uri including a * to shard export.',
      );
    const { name } = objectNameOf(uri, files);
    await state.storage.putObject(bucket, name, bytes, { contentType: format.contentType });
    files += 1;
  }
  job.fileCounts = [files];
};
