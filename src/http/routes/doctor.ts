import { z } from 'zod';
import { createSlots, holderOf } from '../capacity.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { jsonResponse } from '../json-response.ts';
import { gatherOptions, parseInput } from '../request/options.ts';
import { readQuery } from '../request/request-head.ts';
import type { CourierContext } from '../request-context.ts';

/** Concurrent runs of one operator. Each run makes about a hundred calls to Google. */
const MAX_CONCURRENT_RUNS = 4;

/** The query of `GET /v1/doctor`. */
export const doctorQuery = z.strictObject({
  write: z
    .stringbool({ truthy: ['true', '1', ''], falsy: ['false', '0'] })
    .default(false)
    .meta({ description: 'Creates a probe file in each destination and deletes it.' }),
});

/** `GET /v1/doctor`: checks the set-up of every destination, for operators only. */
export const createDoctorHandler = ({ doctor }: Pick<HttpDependencies, 'doctor'>) => {
  const slots = createSlots(MAX_CONCURRENT_RUNS);
  return async (context: CourierContext): Promise<Response> => {
    const { write } = parseInput(doctorQuery, gatherOptions(readQuery(context.env.incoming.url ?? '')));
    const { caller } = context.var;
    return jsonResponse(await slots.hold(holderOf.caller(caller), () => doctor(caller, { write })), 200);
  };
};
