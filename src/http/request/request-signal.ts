import { CourierError } from '../../errors.ts';
import type { CourierContext } from '../environment.ts';
import { isCallerGone } from './pending-body.ts';
import type { Services } from '../services.ts';

/** How long a request may go on. */
export interface RequestTime {
  /** Ends when the caller is gone, the request's time is up, or the server cuts off what is left at its end. */
  signal: AbortSignal;
  /** Epoch milliseconds. */
  deadlineMs: number;
}

/** Does the work of a request within its time. */
export const withinRequest = async <Result>(
  { env, var: { trace } }: CourierContext,
  { now, requestSeconds, log }: Services,
  work: (time: RequestTime) => Promise<Result>,
): Promise<Result> => {
  const { outgoing, cutOff } = env;
  const deadlineMs = now() + requestSeconds * 1000;
  const controller = new AbortController();
  // Made when they are needed: an error gathers its stack, which takes longer than the rest of this function.
  const onGone = (): void => controller.abort(new CourierError('body-truncated', { detail: 'The caller went away.' }));
  const onCutOff = (): void => controller.abort(new CourierError('shutting-down', { retryAfterSeconds: 1 }));
  const onTimeUp = (): void =>
    controller.abort(new CourierError('drive-unavailable', { detail: 'The time for this request is up.' }));
  const timer = setTimeout(onTimeUp, requestSeconds * 1000);
  outgoing.once('close', onGone);
  if (isCallerGone(env)) onGone();
  const stopWaiting = cutOff?.onCutOff(onCutOff);
  try {
    return await work({ signal: controller.signal, deadlineMs });
  } catch (error) {
    const { reason } = controller.signal;
    if (!controller.signal.aborted || error === reason) throw error;
    log.debug({ error, requestId: trace.requestId }, 'failed after the request was given up');
    throw reason;
  } finally {
    clearTimeout(timer);
    outgoing.off('close', onGone);
    stopWaiting?.();
  }
};
