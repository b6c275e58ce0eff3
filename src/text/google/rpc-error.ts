import { z } from 'zod';

/** `google.rpc.Status` with its `ErrorInfo` (https://cloud.google.com/apis/design/errors). */
const rpcError = z.object({
  error: z.object({
    status: z.string().catch(''),
    details: z.array(z.object({ reason: z.string().catch('') }).catch({ reason: '' })).catch([]),
  }),
});

/** The body of an answer as JSON; undefined if it is not JSON. */
export const parseJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
};

/** The reasons in the error of a Google Cloud API, the most precise first: those of `ErrorInfo`, then the status's name. */
export const rpcReasonsOf = (body: Buffer): string[] => {
  const { error } = rpcError.safeParse(parseJson(body)).data ?? {};
  return [...(error?.details ?? []).map(({ reason }) => reason), error?.status ?? ''].filter((reason) => reason !== '');
};
