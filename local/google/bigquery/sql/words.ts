/** Words that have another meaning in DuckDB, or none. */
export const REFUSED = new Set(
  'ANTI ASOF COLUMNS EXCLUDE FETCH GLOB ILIKE INFORMATION_SCHEMA ISNULL LAMBDA LATERAL MATCH_RECOGNIZE NOTNULL PIVOT POSITIONAL SAMPLE SEMI SIMILAR SUMMARIZE SYSTEM_TIME TABLESAMPLE UNPIVOT VALUES'.split(
    ' ',
  ),
);
export const SYMBOLS = new Set([
  '(',
  ')',
  '[',
  ']',
  ',',
  '.',
  '*',
  '+',
  '-',
  '<',
  '>',
  '=',
  '<=',
  '>=',
  '!=',
  '<>',
  '||',
]);
/** Words before a parenthesis that are no function. */
export const KEYWORDS = new Set(
  'ALL AND AS BETWEEN BY CASE DISTINCT ELSE EXCEPT FROM HAVING IN INTERSECT JOIN LIKE LIMIT NOT OFFSET ON OR ORDER OVER PARTITION QUALIFY SELECT THEN UNION USING WHEN WHERE WITH'.split(
    ' ',
  ),
);
/** The words that end a FROM clause. */
export const AFTER_FROM = new Set(
  'WHERE GROUP HAVING ORDER LIMIT QUALIFY WINDOW UNION INTERSECT EXCEPT SELECT'.split(' '),
);
export const EXTRACTED = new Set(['YEAR', 'MONTH', 'DAY', 'HOUR', 'MINUTE', 'QUARTER']);
export const TYPED_LITERALS = new Set('DATE DATETIME TIME TIMESTAMP NUMERIC BIGNUMERIC JSON INTERVAL'.split(' '));
