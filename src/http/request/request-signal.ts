import { CourierError } from '../../errors.ts';
import type { CourierContext } from '../environment.ts';
import { isCallerDisconnected } from './request-body.ts';
import type { HttpDependencies } from '../dependencies.ts';

/** How long a request may take. */
export interface RequestTime {
  /** Aborted when the caller disconnects, the request's time is up, or the server stops at the end of its grace period. */
  signal: AbortSignal;
  /** Epoch milliseconds. */
  deadlineMs: number;
}

/**
 * Does the work of a request within its time limit.
 * @throws CourierError any error that `work` throws; after an abort its reason: `body-truncated`, `drive-unavailable`,
 * `shutting-down`
 */
export const withinRequest = async <Result>(
  { env, var: { trace } }: CourierContext,
  { now, requestSeconds, log }: Pick<HttpDependencies, 'now' | 'requestSeconds' | 'log'>,
  work: (time: RequestTime) => Promise<Result>,
): Promise<Result> => {
  const { outgoing, cutOff } = env;
  const deadlineMs = now() + requestSeconds * 1000;
  const controller = new AbortController();
  // Errors are created only when needed, because collecting a stack trace takes longer than the rest of this function.
  const onGone = (): void =>
    controller.abort(new CourierError('body-truncated', { detail: 'The caller disconnected.' }));
  const onCutOff = (): void => controller.abort(new CourierError('shutting-down', { retryAfterSeconds: 1 }));
  const onTimeUp = (): void =>
    controller.abort(new CourierError('drive-unavailable', { detail: 'The time limit of the request is exceeded.' }));
  const timer = setTimeout(onTimeUp, requestSeconds * 1000);
  outgoing.once('close', onGone);
  if (isCallerDisconnected(env)) onGone();
  const stopWaiting = cutOff?.onCutOff(onCutOff);
  try {
    return await work({ signal: controller.signal, deadlineMs });
  } catch (error) {
    const { reason } = controller.signal;
    if (!controller.signal.aborted || error === reason) throw error;
    log.debug({ error, requestId: trace.requestId }, 'failed after the request was aborted');
    throw reason;
  } finally {
    clearTimeout(timer);
    outgoing.off('close', onGone);
    stopWaiting?.();
  }
};
