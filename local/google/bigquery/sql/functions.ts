/**
 * The functions of GoogleSQL that have the same meaning here, by their names in DuckDB. A function that is not listed is
 * rejected by its name, because one that differs in a detail would silently give wrong results. Notable absences: `/`
 * (division by zero is an error in GoogleSQL), CONCAT, GREATEST and LEAST (their NULL differs), TRIM (it trims all white
 * space), SUBSTR (position 0), REVERSE (of combined characters), AVG (of NUMERIC), and the functions of dates (their
 * types differ).
 */
export const FUNCTIONS: Readonly<Record<string, string>> = {
  ABS: 'abs',
  ANY_VALUE: 'any_value',
  ARRAY_AGG: 'array_agg',
  ARRAY_LENGTH: 'len',
  CHAR_LENGTH: 'length',
  COALESCE: 'coalesce',
  COUNT: 'count',
  COUNTIF: 'count_if',
  CURRENT_DATE: 'current_date_',
  DENSE_RANK: 'dense_rank',
  DIV: 'div_',
  ENDS_WITH: 'ends_with',
  ERROR: 'error',
  EXISTS: 'exists',
  GENERATE_ARRAY: 'generate_series',
  GENERATE_UUID: 'generate_uuid_',
  IEEE_DIVIDE: 'ieee_divide_',
  IF: 'if',
  IFNULL: 'ifnull',
  LAG: 'lag',
  LEAD: 'lead',
  LOWER: 'lower',
  MAX: 'max',
  MD5: 'md5_',
  MIN: 'min',
  MOD: 'mod_',
  NULLIF: 'nullif',
  RANK: 'rank',
  REPEAT: 'repeat_',
  REPLACE: 'replace',
  ROW_NUMBER: 'row_number',
  SAFE_DIVIDE: 'safe_divide_',
  SHA256: 'sha256_',
  STARTS_WITH: 'starts_with',
  STRING_AGG: 'string_agg',
  ST_GEOGPOINT: 'st_geogpoint_',
  SUM: 'sum',
  TO_HEX: 'to_hex_',
  UPPER: 'upper',
};

/** Functions that DuckDB lacks, or defines otherwise. */
export const MACROS: readonly string[] = [
  'current_date_() AS current_date',
  "div_(a, b) AS CASE WHEN b = 0 THEN error('division by zero: DIV') ELSE a // b END",
  "mod_(a, b) AS CASE WHEN b = 0 THEN error('division by zero: MOD') ELSE a % b END",
  'safe_divide_(a, b) AS CASE WHEN b = 0 THEN NULL ELSE CAST(a AS DOUBLE) / CAST(b AS DOUBLE) END',
  'ieee_divide_(a, b) AS CAST(a AS DOUBLE) / CAST(b AS DOUBLE)',
  'generate_uuid_() AS CAST(uuid() AS VARCHAR)',
  'md5_(x) AS unhex(md5(x))',
  'sha256_(x) AS unhex(sha256(x))',
  'to_hex_(x) AS lower(hex(CAST(x AS BLOB)))',
  "repeat_(x, n) AS CASE WHEN n < 0 THEN error('Second argument in REPEAT() must be non-negative') ELSE repeat(x, n) END",
  "st_geogpoint_(x, y) AS struct_pack(__geography := 'POINT(' || CAST(x AS VARCHAR) || ' ' || CAST(y AS VARCHAR) || ')')",
];

/**
 * Casts of expressions, by the target. Only the listed source types are converted in the same way; DuckDB rounds a
 * FLOAT64 to an INT64 differently, and writes a FLOAT64 and a TIMESTAMP as other texts.
 */
export const CASTS: Readonly<Record<string, { to: string; from: readonly string[] }>> = {
  STRING: { to: 'VARCHAR', from: ['BIGINT', 'INTEGER', 'HUGEINT', 'VARCHAR', 'DATE'] },
  INT64: { to: 'BIGINT', from: ['BIGINT', 'INTEGER', 'HUGEINT', 'VARCHAR'] },
  FLOAT64: { to: 'DOUBLE', from: ['BIGINT', 'INTEGER', 'HUGEINT', 'DOUBLE', 'DECIMAL(38,9)', 'VARCHAR'] },
  NUMERIC: { to: 'DECIMAL(38,9)', from: ['BIGINT', 'INTEGER', 'DECIMAL(38,9)', 'VARCHAR'] },
  DATE: { to: 'DATE', from: ['DATE', 'VARCHAR'] },
  BYTES: { to: 'BLOB', from: ['BLOB'] },
};
