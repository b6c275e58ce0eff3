import {
  type Context,
  context as contexts,
  createNoopMeter,
  isSpanContextValid,
  metrics,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace as traces,
  ValueType,
} from '@opentelemetry/api';
import { asCourierError } from './errors.ts';
import type { ObserveCall } from './google/transport.ts';

/** Metrics and traces through OpenTelemetry's API, if the process has an SDK. */

const NAME = 'drive-courier';

/** A delivery that has succeeded or failed. */
interface EndedDelivery {
  destination: string;
  /** A receipt's outcome, or `failed`. */
  outcome: string;
  /** The error code, if the delivery failed. */
  code?: string | undefined;
  /** Received bytes. */
  bytes: number;
  milliseconds: number;
  /** Quota units of the Drive API. */
  units: number;
  /** Of a query. */
  bytesBilled?: number | undefined;
}

export interface Telemetry {
  /** Records a request as a child of the caller's span, and its duration. */
  request<Result extends { status: number }>(
    request: { method: string; route: string; traceId?: string; spanId?: string; sampled: boolean },
    run: () => Promise<Result>,
  ): Promise<Result>;
  step<Result>(name: string, run: () => Promise<Result>): Promise<Result>;
  call: ObserveCall;
  delivered(delivery: EndedDelivery): void;
  /** Called whenever metrics are collected: the bytes that were uploaded today, by the name of the credentials. */
  watchUploads(uploaded: () => ReadonlyMap<string, number>): void;
  /** Called whenever metrics are collected. In bytes; `waiting` counts uploads. */
  watchBudget(gauges: () => { capacity: number; used: number; waiting: number }): void;
}

/** In seconds. Deliveries last from a few milliseconds to an hour. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

const parentOf = ({ traceId, spanId, sampled }: { traceId?: string; spanId?: string; sampled: boolean }): Context =>
  traceId === undefined || spanId === undefined
    ? ROOT_CONTEXT
    : traces.setSpanContext(ROOT_CONTEXT, {
        traceId,
        spanId,
        traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
        isRemote: true,
      });

/** Marks a span with the code only, because messages may contain names of files and people. */
const markFailed = (span: Span, code: string): void => {
  span.setAttribute('error.type', code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
};

/** Whether there is an SDK: our own, or one that was loaded before the courier. */
const hasSdk = (): boolean =>
  metrics.getMeter(NAME) !== createNoopMeter() ||
  // This span is never ended, so it is never exported. A span that the sampler drops also has an id.
  isSpanContextValid(traces.getTracer(NAME).startSpan('courier', {}, ROOT_CONTEXT).spanContext());

/**
 * Call this after the SDK has started, because instruments that are created earlier record nothing.
 * @returns undefined if there is no SDK
 */
export const createTelemetry = (): Telemetry | undefined => {
  if (!hasSdk()) return undefined;
  const tracer = traces.getTracer(NAME);
  const meter = metrics.getMeter(NAME);
  const seconds = { unit: 's', valueType: ValueType.DOUBLE, advice: { explicitBucketBoundaries: DURATION_BUCKETS } };
  const count = (unit: string, description: string) => ({ unit, description, valueType: ValueType.INT });

  const requests = meter.createHistogram('http.server.request.duration', seconds);
  const deliveries = meter.createCounter('courier.deliveries', count('{delivery}', 'Deliveries that have ended'));
  const bytes = meter.createCounter('courier.delivery.bytes', count('By', 'Bytes of files received'));
  const durations = meter.createHistogram('courier.delivery.duration', seconds);
  const steps = meter.createHistogram('courier.delivery.step.duration', seconds);
  const units = meter.createCounter('courier.drive.units', count('{unit}', 'Quota units of the Drive API'));
  const bytesBilled = meter.createCounter('courier.query.bytes_billed', count('By', 'Bytes that BigQuery bills'));
  const calls = meter.createCounter('courier.google.calls', count('{call}', 'Requests sent to Google'));
  const retries = meter.createCounter(
    'courier.google.retries',
    count('{call}', 'Requests to Google that were retries'),
  );
  const callDurations = meter.createHistogram('courier.google.duration', seconds);
  const capacity = meter.createObservableGauge('courier.buffer.capacity', count('By', 'The budget for buffers'));
  const used = meter.createObservableGauge(
    'courier.buffer.used',
    count('By', 'The part of the buffer budget that is in use'),
  );
  const uploads = meter.createObservableGauge(
    'courier.account.uploaded',
    count('By', 'Bytes that an account was sent since midnight UTC, by all instances'),
  );
  const waiting = meter.createObservableGauge('courier.uploads.waiting', count('{upload}', 'Uploads without a buffer'));

  /** Runs work in a span, which becomes the parent of the spans that the work starts. */
  const runInSpan = async <Result>(span: Span, parent: Context, run: () => Promise<Result>): Promise<Result> => {
    try {
      return await contexts.with(traces.setSpan(parent, span), run);
    } catch (error) {
      markFailed(span, asCourierError(error).code);
      throw error;
    } finally {
      span.end();
    }
  };

  return {
    async request({ method, route, ...parent }, run) {
      const parentContext = parentOf(parent);
      const attributes = { 'http.request.method': method, 'http.route': route };
      const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, parentContext);
      const startedMs = performance.now();
      return runInSpan(span, parentContext, async () => {
        const result = await run();
        const { status } = result;
        span.setAttribute('http.response.status_code', status);
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        const recorded = { ...attributes, 'http.response.status_code': status };
        requests.record((performance.now() - startedMs) / 1_000, recorded);
        return result;
      });
    },
    async step(name, run) {
      const startedMs = performance.now();
      try {
        return await runInSpan(tracer.startSpan(`delivery ${name}`), contexts.active(), run);
      } finally {
        steps.record((performance.now() - startedMs) / 1_000, { step: name });
      }
    },
    call({ operation, attempt }) {
      const attributes = { 'rpc.method': operation, 'http.request.resend_count': attempt - 1 };
      const span = tracer.startSpan(operation, { kind: SpanKind.CLIENT, attributes });
      const startedMs = performance.now();
      return (status) => {
        const recorded = { operation, status: status ?? 'none' };
        calls.add(1, recorded);
        if (attempt > 1) retries.add(1, { operation });
        callDurations.record((performance.now() - startedMs) / 1_000, { operation });
        if (status === undefined) markFailed(span, 'no-answer');
        else span.setAttribute('http.response.status_code', status);
        if (status !== undefined && status >= 400) markFailed(span, String(status));
        span.end();
      };
    },
    delivered({ destination, outcome, code, bytes: size, milliseconds, units: quotaUnits, bytesBilled: billed }) {
      deliveries.add(1, { destination, outcome, ...(code === undefined ? {} : { code }) });
      durations.record(milliseconds / 1_000, { destination, outcome });
      bytes.add(size, { destination });
      units.add(quotaUnits, { destination });
      if (billed !== undefined) bytesBilled.add(billed, { destination });
    },
    watchUploads(uploaded) {
      uploads.addCallback((result) => {
        for (const [credentials, bytes] of uploaded()) result.observe(bytes, { credentials });
      });
    },
    watchBudget(gauges) {
      meter.addBatchObservableCallback(
        (result) => {
          const now = gauges();
          result.observe(capacity, now.capacity);
          result.observe(used, now.used);
          result.observe(waiting, now.waiting);
        },
        [capacity, used, waiting],
      );
    },
  };
};
