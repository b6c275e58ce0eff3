import type { z } from 'zod';
import type { GoogleCall } from '../google-service.ts';
import { answering, readJson, sendJson } from './answers.ts';
import { ApiError } from './api-error.ts';

/** An action on `Subject` that a test in another process can call. */
export interface AdminAction<Subject> {
  run(subject: Subject, body: unknown): Promise<unknown> | unknown;
}

export const adminActionOf =
  <Subject>() =>
  <T>(schema: z.ZodType<T>, run: (subject: Subject, input: T) => Promise<unknown> | unknown): AdminAction<Subject> => ({
    run: (subject, body) => run(subject, schema.parse(body)),
  });

/** Removes undefined members: zod allows undefined where TypeScript's exact optional members must be absent. */
export const present = <T extends object>(input: T) =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

const refuse = (message: string): ApiError => new ApiError(400, message, { error: { code: 400, message } });

const answer = async <Subject>(call: GoogleCall, subject: Subject, action: AdminAction<Subject>): Promise<void> => {
  const body = await readJson(call.request);
  try {
    sendJson(call.response, 200, (await action.run(subject, body)) ?? {});
  } catch (error) {
    // The caller is a test, which needs the error message ("No service account …").
    throw refuse(error instanceof Error ? error.message : String(error));
  }
};

/** Routes `POST /_admin/ACTION` with a JSON object. Returns false for unknown actions. */
export function createAdminRoutes<Subject>(
  subject: Subject,
  actions: Readonly<Record<string, AdminAction<Subject>>>,
): (call: GoogleCall) => Promise<boolean> {
  return async (call) => {
    const [, name = ''] = /^\/_admin\/(\w+)$/.exec(call.url.pathname) ?? [];
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined || call.method !== 'POST') return false;
    return answering(call, () => answer(call, subject, action));
  };
}
