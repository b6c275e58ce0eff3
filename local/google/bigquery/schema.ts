import { z } from 'zod';
import { BigQueryError, notImplemented } from './errors.ts';
import type { Field } from './model.ts';
import { quoteName, SCALARS, scalarNamed, sqlValue } from './sql/literals.ts';

interface SentField {
  name: string;
  type: string;
  mode?: string | undefined;
  description?: string | undefined;
  fields?: SentField[] | undefined;
}

const sentField: z.ZodType<SentField> = z.lazy(() =>
  z.object({
    name: z.string(),
    type: z.string(),
    mode: z.string().optional(),
    description: z.string().optional(),
    fields: z.array(sentField).optional(),
  }),
);

const sentSchema = z.object({ fields: z.array(sentField).min(1) });

const isRecord = (type: string): boolean => /^(?:RECORD|STRUCT)$/i.test(type);

const fieldFrom = ({ name, type, mode = 'NULLABLE', description, fields }: SentField): Field => {
  if (!/^[\p{L}\p{M}\p{N}\p{Pc}\p{Pd}&%=+:'<>#|\s]{1,300}$/u.test(name))
    throw new BigQueryError('invalid', `Invalid field name "${name}".`);
  if (mode !== 'NULLABLE' && mode !== 'REQUIRED' && mode !== 'REPEATED')
    throw new BigQueryError('invalid', `Invalid value for mode: ${mode} is not a valid value`);
  const rest = isRecord(type) ? 'RECORD' : (SCALARS[scalarNamed(type)]?.rest ?? type);
  return {
    name,
    type: rest,
    mode,
    ...(description === undefined ? {} : { description }),
    ...(isRecord(type) ? { fields: (fields ?? []).map(fieldFrom) } : {}),
  };
};

/** Reads `Table.schema`. @throws BigQueryError `invalid`, `notImplemented` */
export const fieldsFrom = (schema: unknown): Field[] => {
  const parsed = sentSchema.safeParse(schema);
  if (!parsed.success) throw notImplemented('tables without a schema');
  return parsed.data.fields.map(fieldFrom);
};

/** The type of a column in DuckDB. */
export const duckTypeOf = ({ type, mode, fields = [] }: Field): string => {
  const members = fields.map((field) => `${quoteName(field.name)} ${duckTypeOf(field)}`).join(', ');
  const single = type === 'RECORD' ? `STRUCT(${members})` : (SCALARS[scalarNamed(type)]?.duck ?? 'VARCHAR');
  return mode === 'REPEATED' ? `${single}[]` : single;
};

const invalidValue = (field: Field, value: unknown): BigQueryError =>
  new BigQueryError(
    'invalid',
    `Could not convert value ${JSON.stringify(value)} of field ${field.name} to ${field.type}`,
  );

/** A value of `insertAll`'s JSON as DuckDB's SQL. @throws BigQueryError `invalid` */
export const sqlOfJson = (field: Field, value: unknown): string => {
  if (field.mode === 'REPEATED') {
    const items = Array.isArray(value) ? value : [];
    const list = items.map((item) => sqlOfJson({ ...field, mode: 'NULLABLE' }, item)).join(', ');
    return `CAST([${list}] AS ${duckTypeOf(field)})`;
  }
  if (value === undefined || value === null) {
    if (field.mode === 'REQUIRED') throw new BigQueryError('invalid', `Missing required field: ${field.name}.`);
    return `CAST(NULL AS ${duckTypeOf(field)})`;
  }
  if (field.type === 'RECORD') {
    if (typeof value !== 'object') throw invalidValue(field, value);
    const given = value as Record<string, unknown>;
    const members = (field.fields ?? []).map(
      (inner) => `${quoteName(inner.name)} := ${sqlOfJson(inner, given[inner.name])}`,
    );
    return `struct_pack(${members.join(', ')})`;
  }
  if (field.type === 'TIMESTAMP' && typeof value === 'number')
    return `make_timestamptz(${BigInt(Math.round(value * 1_000_000))})`;
  if (typeof value === 'object' && field.type !== 'JSON') throw invalidValue(field, value);
  const text = field.type === 'JSON' && typeof value !== 'string' ? JSON.stringify(value) : String(value);
  return sqlValue(scalarNamed(field.type), text);
};
