import { z } from 'zod';

/** The largest integer of a structured header field (RFC 9651, 3.3.1), in which the limits are sent. */
const MAX_INTEGER = 999_999_999_999_999;

/** Limits of each caller. Callers are counted by the subject of their token; pushes by their service account. */
export const perCaller = z
  .strictObject({
    concurrent: z.int().positive().max(10_000).optional(),
    filesPerMinute: z.int().positive().max(100_000).optional(),
    bytesPerDay: z.int().positive().max(MAX_INTEGER).optional(),
  })
  .refine((limits) => Object.values(limits).some((limit) => limit !== undefined), {
    message: 'needs at least one of concurrent, filesPerMinute, bytesPerDay',
  });
export type PerCallerConfig = z.infer<typeof perCaller>;
