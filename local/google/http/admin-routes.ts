import type { z } from 'zod';
import type { GoogleCall } from '../google-service.ts';
import { answering, readJson, sendJson } from './answers.ts';
import { ApiError } from './api-error.ts';

/** Something that a test in another process does to `Subject`. */
export interface AdminAction<Subject> {
  run(subject: Subject, body: unknown): Promise<unknown> | unknown;
}

export const adminActionOf =
  <Subject>() =>
  <T>(schema: z.ZodType<T>, run: (subject: Subject, input: T) => Promise<unknown> | unknown): AdminAction<Subject> => ({
    run: (subject, body) => run(subject, schema.parse(body)),
  });

/** zod says "undefined" where TypeScript's exact optional members say "absent". */
export const present = <T extends object>(input: T) =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

const refuse = (message: string): ApiError => new ApiError(400, message, { error: { code: 400, message } });

const answer = async <Subject>(call: GoogleCall, subject: Subject, wanted: AdminAction<Subject>): Promise<void> => {
  const body = await readJson(call.request);
  try {
    sendJson(call.response, 200, (await wanted.run(subject, body)) ?? {});
  } catch (error) {
    // The subject's own complaints ("No service account …") are for the test that asked.
    throw refuse(error instanceof Error ? error.message : String(error));
  }
};

/** `POST /_admin/VERB` with a JSON object; false for verbs that are not among these. */
export function createAdminRoutes<Subject>(
  subject: Subject,
  verbs: Readonly<Record<string, AdminAction<Subject>>>,
): (call: GoogleCall) => Promise<boolean> {
  return async (call) => {
    const [, asked = ''] = /^\/_admin\/(\w+)$/.exec(call.url.pathname) ?? [];
    const wanted = Object.hasOwn(verbs, asked) ? verbs[asked] : undefined;
    if (wanted === undefined || call.method !== 'POST') return false;
    return answering(call, () => answer(call, subject, wanted));
  };
}
