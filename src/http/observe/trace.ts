import { randomUUID } from 'node:crypto';

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
