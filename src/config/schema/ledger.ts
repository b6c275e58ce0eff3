import { z } from 'zod';

export const DEFAULT_LEDGER_DAYS = 14;

/** Where the courier stores which idempotency key belongs to which file. */
export const ledger = z.union(
  [
    z.literal('memory'),
    z.strictObject({
      firestore: z.strictObject({
        project: z.string().optional(),
        database: z.string().default('(default)'),
        collection: z
          .string()
          .regex(/^[^/]{1,200}$/, 'is not a collection name')
          .default('deliveries'),
        ttlDays: z.number().positive().max(3650).default(DEFAULT_LEDGER_DAYS),
      }),
    }),
  ],
  'must be "memory" or {firestore: {…}}',
);
export type LedgerConfig = z.infer<typeof ledger>;
