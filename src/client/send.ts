import type { Receipt } from '../domain.ts';
import { CourierClientError, orStopped, withKey } from './errors.ts';
import { openInput, type Seekable, type Sendable, settleStream } from './input.ts';
import { createRunningDigest } from './running-digest.ts';
import type { DestinationSummary } from './schemas.ts';
import { askForSkipped, sendStreaming, sendWhole } from './send-body.ts';
import { type DirectDependencies, sendDirect } from './send-direct.ts';
import { type SendOptions, type SettledOptions, settleOptions } from './send-options.ts';

/** Well below the 32 MiB that a function's platform takes in one request, and worth keeping in memory to send it again. */
const WHOLE_BYTES = 8 * 1024 * 1024;

interface SendDependencies extends DirectDependencies {
  destinations(): Promise<DestinationSummary[]>;
}

const isRefusal = (error: unknown, code: string): boolean => error instanceof CourierClientError && error.code === code;

/** The defaults of the destination that will be used. */
const defaultsOf = async ({ destinations }: SendDependencies, named: string | undefined) => {
  const all = await destinations();
  return all.length === 1 && named === undefined ? all[0] : all.find(({ name }) => name === (named ?? 'default'));
};

const streamed = (dependencies: SendDependencies, input: Seekable, options: SettledOptions): Promise<Receipt> =>
  sendStreaming(dependencies.call, { open: () => input.read(0, input.size), size: input.size, once: false }, options);

/**
 * An upload session cannot do two things that the other way can: convert, and skip a file that is there. If the destination's
 * own defaults (or the options) ask for one of them, the courier refuses the session, and this is the way around.
 */
const wayAround = async (
  dependencies: SendDependencies,
  input: Seekable,
  options: SettledOptions,
  refusal: unknown,
): Promise<Receipt> => {
  if (!isRefusal(refusal, 'name-taken') && !isRefusal(refusal, 'request-invalid')) throw refusal;
  const defaults = await defaultsOf(dependencies, options.destination);
  if (isRefusal(refusal, 'request-invalid') && defaults?.convertTo) return streamed(dependencies, input, options);
  if (isRefusal(refusal, 'name-taken') && (options.onConflict ?? defaults?.onConflict) === 'skip') {
    return askForSkipped(dependencies.call, await createRunningDigest(input).finish(), options);
  }
  throw refusal;
};

const sendSeekable = async (
  dependencies: SendDependencies,
  input: Seekable,
  options: SettledOptions,
): Promise<Receipt> => {
  if (input.size <= WHOLE_BYTES) return sendWhole(dependencies.call, input, options);
  if (options.convertTo !== undefined) return streamed(dependencies, input, options);
  return sendDirect(dependencies, input, options).catch((error: unknown) =>
    wayAround(dependencies, input, options, error),
  );
};

/** One delivery: small files whole, large ones by an upload session, streams as they come. @throws CourierClientError */
export const send = async (
  dependencies: SendDependencies,
  sendable: Sendable,
  given: SendOptions = {},
): Promise<Receipt> => {
  const opened = await openInput(sendable);
  try {
    const options = settleOptions(given, opened.name);
    const input = opened.kind === 'stream' ? await settleStream(opened, WHOLE_BYTES) : opened;
    const work =
      input.kind === 'seekable'
        ? sendSeekable(dependencies, input, options)
        : sendStreaming(dependencies.call, { open: () => input.bytes, once: true }, options);
    return await work.catch((error: unknown) => {
      throw withKey(orStopped(error, options.signal), options.idempotencyKey);
    });
  } finally {
    if (opened.kind === 'seekable') await opened.close();
  }
};
