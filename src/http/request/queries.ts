import { z } from 'zod';

/** The query of `GET /v1/doctor`. */
export const doctorQuery = z.strictObject({
  write: z
    .stringbool({ truthy: ['true', '1', ''], falsy: ['false', '0'] })
    .default(false)
    .meta({ description: 'Puts a probe file into each destination, and removes it.' }),
});
