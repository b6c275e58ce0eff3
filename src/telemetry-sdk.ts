import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type ContextManager,
  context as contexts,
  metrics,
  ROOT_CONTEXT,
  trace as traces,
} from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import packageJson from '../package.json' with { type: 'json' };
import { withoutTrailingSlashes } from './text/urls/trailing-slashes.ts';

export interface TelemetrySdk {
  /** Exports the remaining data and stops. It never throws, and waits at most a few seconds. */
  shutdown(): Promise<void>;
}

export interface TelemetrySdkOptions {
  /** URL of an OTLP receiver over HTTP, such as a collector in a sidecar: http://localhost:4318 */
  endpoint: string;
  /** Milliseconds between two exports of metrics; default: OTEL_METRIC_EXPORT_INTERVAL, else a minute. */
  intervalMs?: number;
}

const INTERVAL_MS = 60_000;
/** An instance that is shutting down has ten seconds in total. */
const SHUTDOWN_MS = 3_000;

/** Keeps the active span across `await`. OpenTelemetry's context manager is in a separate package and does the same. */
const createContextManager = (): ContextManager => {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (context, work, thisArgument, ...args) =>
      storage.run(context, () => work.apply(thisArgument as ThisParameterType<typeof work>, args)),
    bind: (context, target) =>
      typeof target === 'function'
        ? (((...args: unknown[]) => storage.run(context, () => target(...args))) as typeof target)
        : target,
    enable: () => manager,
    disable: () => {
      storage.disable();
      return manager;
    },
  };
  return manager;
};

/**
 * Starts OpenTelemetry's SDK, which sends metrics and traces to an OTLP receiver. It is loaded only if one is configured,
 * because it takes longer than the rest of the courier. `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and
 * `OTEL_EXPORTER_OTLP_HEADERS` are read by the SDK itself.
 */
export const startTelemetrySdk = ({ endpoint, intervalMs = INTERVAL_MS }: TelemetrySdkOptions): TelemetrySdk => {
  const base = withoutTrailingSlashes(endpoint);
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'drive-courier', 'service.version': packageJson.version }))
    .merge(detectResources({ detectors: [envDetector] }));
  const meterProvider = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `${base}/v1/metrics` }),
        exportIntervalMillis: intervalMs,
        exportTimeoutMillis: Math.min(intervalMs, 30_000),
      }),
    ],
  });
  const tracerProvider = new TracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${base}/v1/traces` }) })],
  });
  contexts.setGlobalContextManager(createContextManager());
  traces.setGlobalTracerProvider(tracerProvider);
  metrics.setGlobalMeterProvider(meterProvider);
  return {
    async shutdown() {
      const timeout = new Promise((resolve) => setTimeout(resolve, SHUTDOWN_MS).unref());
      await Promise.race([timeout, Promise.allSettled([meterProvider.shutdown(), tracerProvider.shutdown()])]);
      for (const api of [contexts, traces, metrics]) api.disable();
    },
  };
};
