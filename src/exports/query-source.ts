import { z } from 'zod';

/** `source.bigquery`: a query of the configuration, with values for its parameters. */
export const querySource = z.strictObject({
  query: z.string().min(1).max(64).meta({ description: 'The name of a query that the operator has configured.' }),
  parameters: z.exactOptional(z.record(z.string(), z.unknown())).meta({
    description: 'A value for each parameter of the query: a text, a number or a boolean, or an array of them.',
  }),
  format: z.exactOptional(z.enum(['csv', 'jsonl'])).meta({ description: 'Default: csv.' }),
  rawCells: z.exactOptional(z.boolean()).meta({
    description: 'With csv: text cells that a spreadsheet would run as a formula are left as they are.',
  }),
});

export type QuerySource = z.output<typeof querySource>;
