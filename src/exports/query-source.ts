import { z } from 'zod';

const QUERY_SOURCES = ['query', 'table'] as const;

/** `source.bigquery`: a query of the configuration, with values for its parameters, or a whole table. */
export const querySource = z
  .strictObject({
    query: z
      .exactOptional(z.string().min(1).max(64))
      .meta({ description: 'The name of a query that the operator has configured.' }),
    table: z.exactOptional(z.string().min(1).max(2_200)).meta({
      description: 'project.dataset.table: a whole table or view. The operator must allow it under "sources".',
    }),
    parameters: z.exactOptional(z.record(z.string(), z.unknown())).meta({
      description: 'A value for each parameter of the query: a string, a number or a boolean, or an array of them.',
    }),
    format: z.exactOptional(z.enum(['csv', 'jsonl', 'xlsx'])).meta({ description: 'Default: csv.' }),
    rawCells: z.exactOptional(z.boolean()).meta({
      description: 'With csv: text cells that a spreadsheet would run as a formula are left as they are.',
    }),
  })
  .superRefine((given, context) => {
    if ((given.query === undefined) === (given.table === undefined))
      context.addIssue({ code: 'custom', message: `needs exactly one of ${QUERY_SOURCES.join(', ')}` });
    if (given.parameters !== undefined && given.table !== undefined)
      context.addIssue({ code: 'custom', path: ['parameters'], message: 'can only be used with query' });
  })
  .meta({ oneOf: QUERY_SOURCES.map((name) => ({ type: 'object', properties: { [name]: {} }, required: [name] })) });

export type QuerySource = z.output<typeof querySource>;
