import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Context } from 'hono';
import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { HttpDependencies } from './dependencies.ts';
import { type Incoming, isCallerDisconnected } from './request/incoming-request.ts';

/** What the Node listener passes to the app with each request. */
export interface Bindings {
  incoming: Incoming;
  outgoing: ServerResponse | Http2ServerResponse;
  /** Answers `Expect: 100-continue`. Call it before the body is read. */
  begin?: (() => void) | undefined;
  /** Set by responses that are sent piece by piece. */
  isSentInParts?: boolean;
  /**
   * Stops a body that is not read to its end. Needed only by responses that are sent while the body arrives; for others
   * the listener does it.
   */
  stopBody?: () => void;
  /**
   * Starts the time in which the caller must read the response, after which it is disconnected. Returns a function that
   * ends this time. Needed only by responses that are sent piece by piece; for others the listener does it.
   */
  watchReader?: () => () => void;
  /** The end of the grace period, at which unfinished work is aborted as `shutting-down`. */
  cutOff?: CutOff | undefined;
}

export interface Variables {
  trace: Trace;
  caller: Caller;
  /** Why the request failed, for its log line. */
  failure: CourierError;
  /** True for routes that deliver files. */
  delivers?: boolean;
  /** Set if the response is still being written after the handler has returned. Resolves at its end, and never rejects. */
  lasting?: Promise<void>;
  /** The RateLimit header fields of the response; undefined if no limit applies to the request. */
  rateLimit?: () => Record<string, string>;
}

export type CourierContext = Context<{ Bindings: Bindings; Variables: Variables }>;

/** The id of a request, and its place in a distributed trace. */
export interface Trace {
  /** The trace id if the caller sent one, else random. Sent in `X-Request-Id` and in every problem document. */
  requestId: string;
  /** 32 hex digits; undefined if the caller sent no valid trace header. */
  traceId?: string;
  /** 16 hex digits. */
  spanId?: string;
  sampled: boolean;
}

/** https://www.w3.org/TR/trace-context/#traceparent-header; later versions may append more fields. */
const TRACEPARENT = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:$|-)/;

/** `TRACE_ID/SPAN_ID;o=OPTIONS`, the span in decimal (https://cloud.google.com/trace/docs/trace-context#legacy-http-header). */
const CLOUD_TRACE = /^(?!0{32})([\da-f]{32})(?:\/(\d{1,20}))?(?:;o=(\d))?$/i;

const fromTraceparent = (value: string): Omit<Trace, 'requestId'> | undefined => {
  const [whole, version, traceId, spanId, flags] = TRACEPARENT.exec(value) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === '00' && whole !== value) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
};

const fromCloudTrace = (value: string): Omit<Trace, 'requestId'> | undefined => {
  const [, traceId, span, option] = CLOUD_TRACE.exec(value) ?? [];
  if (traceId === undefined) return undefined;
  const spanId = span === undefined ? 0n : BigInt.asUintN(64, BigInt(span));
  return {
    traceId: traceId.toLowerCase(),
    ...(spanId === 0n ? {} : { spanId: spanId.toString(16).padStart(16, '0') }),
    sampled: option === '1',
  };
};

/**
 * Reads `traceparent`, else `X-Cloud-Trace-Context`. A malformed header is ignored, as the W3C specification requires.
 */
export const readTrace = (headers: Headers): Trace => {
  const trace =
    fromTraceparent(headers.get('traceparent') ?? '') ?? fromCloudTrace(headers.get('x-cloud-trace-context') ?? '');
  return trace?.traceId === undefined
    ? { requestId: randomUUID().replaceAll('-', ''), sampled: false }
    : { requestId: trace.traceId, ...trace };
};

/** Notifies running work of the end of the server's grace period. */
export interface CutOff {
  /**
   * Calls back at the end of the grace period, or immediately if it is over. Returns a function that removes the
   * callback.
   */
  onCutOff(callback: () => void): () => void;
}

/**
 * Uses an array, because an AbortSignal or a Set would keep finished requests in memory. A removed listener of an
 * AbortSignal and a replaced hash table of a Set still refer to later entries. After one of them has moved to the
 * garbage collector's old generation, the objects of all later requests follow, and stay until the next full
 * collection.
 */
export const createCutOff = (): CutOff & { cutOff(): void } => {
  let waiting: (() => void)[] = [];
  let isOver = false;
  return {
    onCutOff(callback) {
      if (isOver) callback();
      else waiting.push(callback);
      return () => {
        const index = waiting.indexOf(callback);
        const last = index < 0 ? undefined : waiting.pop();
        if (last !== undefined && index < waiting.length) waiting[index] = last;
      };
    },
    cutOff() {
      isOver = true;
      const callbacks = waiting;
      waiting = [];
      for (const callback of callbacks) callback();
    },
  };
};

/** Whether the server is shutting down. From then on, new requests are rejected. */
export const createShutdown = () => {
  let hasBegun = false;
  return {
    isStopping: (): boolean => hasBegun,
    begin(): void {
      hasBegun = true;
    },
  };
};

/** How long a request may take. */
export interface RequestTime {
  /** Aborted when the caller disconnects, the request's deadline has passed, or the server stops at the end of its grace period. */
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
  context: CourierContext,
  { now, requestSeconds, log }: Pick<HttpDependencies, 'now' | 'requestSeconds' | 'log'>,
  work: (time: RequestTime) => Promise<Result>,
): Promise<Result> => {
  const { outgoing, cutOff } = context.env;
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
  if (isCallerDisconnected(context.env)) onGone();
  const stopWaiting = cutOff?.onCutOff(onCutOff);
  try {
    return await work({ signal: controller.signal, deadlineMs });
  } catch (error) {
    const { reason } = controller.signal;
    if (!controller.signal.aborted || error === reason) throw error;
    log.debug({ error, requestId: context.get('trace').requestId }, 'failed after the request was aborted');
    throw reason;
  } finally {
    clearTimeout(timer);
    outgoing.off('close', onGone);
    stopWaiting?.();
  }
};

/** @throws CourierError `shutting-down` once the server is shutting down */
export const rejectWhenStopping = ({ stopping }: Pick<HttpDependencies, 'stopping'>): void => {
  if (stopping()) throw new CourierError('shutting-down', { retryAfterSeconds: 1 });
};
