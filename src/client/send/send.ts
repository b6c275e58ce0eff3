import { impliedDestination, type Receipt } from '../../domain.ts';
import { CourierClientError, orStopped, withKey } from '../errors.ts';
import type { DestinationSummary } from '../schemas.ts';
import { bufferStream, openInput, type Seekable, type Sendable } from './input.ts';
import { createRunningDigest } from './running-digest.ts';
import { requestSkippedReceipt, sendStreaming, sendWhole } from './send-body.ts';
import { type SessionDependencies, sendBySession } from './send-by-session.ts';
import { type ResolvedOptions, resolveOptions, type SendOptions } from './send-options.ts';

/** Well below the 32 MiB that Cloud Functions accept in a request, and small enough to keep in memory for a retry. */
export const MAX_WHOLE_BYTES = 8 * 1024 * 1024;

export interface SendDependencies extends SessionDependencies {
  destinations(): Promise<DestinationSummary[]>;
}

const hasCode = (error: unknown, code: string): boolean => error instanceof CourierClientError && error.code === code;

/** The destination that will be used, with its defaults. */
export const findDestination = async (
  { destinations }: Pick<SendDependencies, 'destinations'>,
  name: string | undefined,
): Promise<DestinationSummary | undefined> => {
  const all = await destinations();
  const names = all.map((each) => each.name);
  return all[names.indexOf(impliedDestination(name, names))];
};

const streamFile = (dependencies: SendDependencies, input: Seekable, options: ResolvedOptions): Promise<Receipt> =>
  sendStreaming(dependencies.call, { open: () => input.read(0, input.size), size: input.size, once: false }, options);

/**
 * An upload session cannot convert a file, skip an existing one, or replace a read-only one. If the options or the
 * destination's defaults ask for that, the courier rejects the session, and the file is sent through the courier instead.
 */
const sendWithoutSession = async (
  dependencies: SendDependencies,
  input: Seekable,
  options: ResolvedOptions,
  rejection: unknown,
): Promise<Receipt> => {
  if (!hasCode(rejection, 'name-taken') && !hasCode(rejection, 'request-invalid')) throw rejection;
  const defaults = await findDestination(dependencies, options.destination);
  const rule = options.onConflict ?? defaults?.onConflict;
  // A file of a destination with read-only files is replaced through the courier, too.
  if (hasCode(rejection, 'request-invalid') && (defaults?.convertTo || rule === 'replace')) {
    return streamFile(dependencies, input, options);
  }
  if (hasCode(rejection, 'name-taken') && rule === 'skip') {
    return requestSkippedReceipt(dependencies.call, await createRunningDigest(input).finish(), options);
  }
  throw rejection;
};

const sendBySize = async (
  dependencies: SendDependencies,
  input: Seekable,
  options: ResolvedOptions,
): Promise<Receipt> => {
  if (input.size <= MAX_WHOLE_BYTES) return sendWhole(dependencies.call, input, options);
  if (options.convertTo !== undefined) return streamFile(dependencies, input, options);
  return sendBySession(dependencies, input, options).catch((error: unknown) =>
    sendWithoutSession(dependencies, input, options, error),
  );
};

const explained = (work: Promise<Receipt>, { signal, idempotencyKey }: ResolvedOptions): Promise<Receipt> =>
  work.catch((error: unknown) => {
    throw withKey(orStopped(error, signal), idempotencyKey);
  });

/** Sends one file that is open already. @throws CourierClientError */
export const sendSeekable = (
  dependencies: SendDependencies,
  input: Seekable,
  options: ResolvedOptions,
): Promise<Receipt> => explained(sendBySize(dependencies, input, options), options);

/**
 * Sends one file: small ones in one request, large ones by an upload session, long streams through the courier.
 * @throws CourierClientError
 */
export const send = async (
  dependencies: SendDependencies,
  sendable: Sendable,
  given: SendOptions = {},
): Promise<Receipt> => {
  const opened = await openInput(sendable);
  try {
    const options = resolveOptions(given, opened);
    const input = opened.kind === 'stream' ? await bufferStream(opened, MAX_WHOLE_BYTES) : opened;
    return await (input.kind === 'seekable'
      ? sendSeekable(dependencies, input, options)
      : explained(sendStreaming(dependencies.call, { open: () => input.bytes, once: true }, options), options));
  } finally {
    if (opened.kind === 'seekable') await opened.close();
  }
};
