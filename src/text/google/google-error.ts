import { z } from 'zod';
import { parseJson } from './rpc-error.ts';

const withReasons = z.array(z.object({ reason: z.string().catch('') }).catch({ reason: '' })).catch([]);

const errorSchema = z.object({
  error: z.object({ message: z.string().catch(''), errors: withReasons, details: withReasons }),
});

/** A reason is a single word. Any other text could name people, files or objects, so it is left out. */
const isWord = (reason: string): boolean => /^[A-Za-z][\w.-]{0,79}$/.test(reason);

/** The useful parts of an error of a Google API. */
interface GoogleError {
  /** It may name people and files, so it must not be shown to callers. */
  message: string;
  /** The reasons in `error.errors`. They may be as vague as "forbidden". */
  reasons: string[];
  /** The reasons in `error.details`, which are more precise. Some APIs give none. */
  detailReasons: string[];
}

/** @returns undefined if the body is not the JSON error of a Google API */
export const parseGoogleError = (body: Buffer): GoogleError | undefined => {
  const { error } = errorSchema.safeParse(parseJson(body)).data ?? {};
  if (error === undefined) return undefined;
  const wordsOf = (list: readonly { reason: string }[]): string[] => list.map(({ reason }) => reason).filter(isWord);
  return { message: error.message, reasons: wordsOf(error.errors), detailReasons: wordsOf(error.details) };
};
