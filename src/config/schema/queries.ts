import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { withoutMark } from '../../text/unicode/byte-order-mark.ts';
import { endOfNonCode } from '../../text/sql.ts';
import { named } from './named.ts';
import { principal } from './principal.ts';
import { projectId } from './project-id.ts';
import { objectPrefix } from './sources.ts';

/** The types of parameters, as GoogleSQL names them. */
const SCALARS = [
  'BIGNUMERIC',
  'BOOL',
  'DATE',
  'DATETIME',
  'FLOAT64',
  'INT64',
  'NUMERIC',
  'STRING',
  'TIME',
  'TIMESTAMP',
] as const;
export type ScalarType = (typeof SCALARS)[number];

/** A parameter: one value, or an array of values. */
const TYPE = new RegExp(`^(?:${SCALARS.join('|')}|ARRAY<(?:${SCALARS.join('|')})>)$`);

const parameterType = z
  .string()
  .transform((text) => text.replaceAll(/\s/g, '').toUpperCase())
  .refine((text) => TYPE.test(text), `is not one of ${SCALARS.join(', ')}, or ARRAY<…> of one of them`);

const NAME = /[A-Za-z_]\w*/y;

/** The names of the parameters in a query, in lower case: their case does not matter. System variables have two "@". */
const parametersIn = (sql: string): ReadonlySet<string> => {
  const names = new Set<string>();
  for (let at = 0; at < sql.length; ) {
    const end = endOfNonCode(sql, at);
    NAME.lastIndex = at + 1;
    const isParameter = sql[at] === '@' && sql[at - 1] !== '@';
    const [name] = (end === undefined && isParameter ? NAME.exec(sql) : null) ?? [];
    if (name !== undefined) names.add(name.toLowerCase());
    at = end ?? at + 1;
  }
  return names;
};

/** What is wrong with the declared parameters; undefined if they are those of the SQL. */
const faultOfParameters = (sql: string, declared: readonly string[]): string | undefined => {
  const used = parametersIn(sql);
  const known = new Set(declared.map((name) => name.toLowerCase()));
  const missing = [...used].find((name) => !known.has(name));
  if (missing !== undefined) return `lacks "${missing}", which the SQL uses as @${missing}`;
  const unused = declared.find((name) => !used.has(name.toLowerCase()));
  return unused === undefined ? undefined : `has "${unused}", which the SQL does not use`;
};

/** Where large results are exported to, instead of being read by pages. */
const staging = z.strictObject({
  prefix: objectPrefix,
  /** Logical bytes of the result. Smaller ones are read by pages, which takes less time than an export job. */
  aboveBytes: z.int().nonnegative().default(268_435_456),
});

const given = z.strictObject({
  sql: z.string().min(1).optional(),
  /** Read once, at the start. */
  sqlFile: z.string().min(1).optional(),
  parameters: named(parameterType, /^[A-Za-z_]\w{0,127}$/, 'is not the name of a parameter').default({}),
  /** Where the job runs and who pays; default: the courier's own project. */
  project: projectId.nullable().default(null),
  /** BigQuery finds a job outside of US and EU only by its location. */
  location: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{1,40}$/, 'is not a location, such as EU or europe-west1')
    .default('US'),
  maximumBytesBilled: z.int().positive().nullable().default(null),
  callers: z.array(principal).min(1, 'is empty: list at least one caller'),
  destinations: z.array(z.string()).min(1, 'is empty: list at least one destination'),
  /** BigQuery stops the job after this time. */
  timeoutSeconds: z.int().positive().max(21_600).nullable().default(null),
  staging: staging.nullable().default(null),
});

const readSql = (file: string): { text: string } | { fault: string } => {
  try {
    return { text: withoutMark(readFileSync(file, 'utf8')) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { fault: code === 'ENOENT' ? 'the file does not exist' : `cannot be read (${code ?? 'unknown'})` };
  }
};

/** A query of the configuration, with its SQL. Callers send values for its parameters, and no SQL. */
const query = given.transform(({ sql, sqlFile, ...rest }, context) => {
  const fail = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if ((sql === undefined) === (sqlFile === undefined)) {
    fail([], 'needs exactly one of sql, sqlFile');
    return z.NEVER;
  }
  const read = sqlFile === undefined ? { text: sql ?? '' } : readSql(sqlFile);
  if ('fault' in read) {
    fail(['sqlFile'], read.fault);
    return z.NEVER;
  }
  if (read.text.trim() === '') fail([sqlFile === undefined ? 'sql' : 'sqlFile'], 'is empty');
  const fault = faultOfParameters(read.text, Object.keys(rest.parameters));
  if (fault !== undefined) fail(['parameters'], fault);
  return { ...rest, sql: read.text };
});

export type QueryConfig = z.output<typeof query>;

export const queries = named(
  query,
  /^[A-Za-z0-9][\w.-]{0,63}$/,
  'is not a valid name of a query (up to 64 letters, digits, ".", "_" and "-", beginning with a letter or digit)',
).default({});
