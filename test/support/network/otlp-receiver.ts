import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

type Value = { stringValue?: string; intValue?: string | number; doubleValue?: number; boolValue?: boolean };
interface Attribute {
  key: string;
  value: Value;
}

interface Point {
  attributes: Record<string, unknown>;
  /** The value of a counter or gauge. */
  value: number | undefined;
  /** The values of a histogram. */
  count: number | undefined;
}

interface Metric {
  name: string;
  unit: string;
  points: Point[];
}

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  attributes: Record<string, unknown>;
  /** 2 is an error. */
  status: number;
}

/** A receiver for OTLP JSON over HTTP, on its own socket. */
export interface OtlpReceiver {
  endpoint: string;
  /** The latest of each name. */
  metrics: ReadonlyMap<string, Metric>;
  spans: readonly ReceivedSpan[];
  /** The attributes of the resource in the last export. */
  resource: Record<string, unknown>;
  close(): Promise<void>;
}

interface NumberPoint {
  attributes?: Attribute[];
  asInt?: string | number;
  asDouble?: number;
  count?: string | number;
}

interface MetricsBody {
  resourceMetrics: {
    resource?: { attributes?: Attribute[] };
    scopeMetrics: {
      metrics: { name: string; unit?: string; [kind: string]: unknown }[];
    }[];
  }[];
}

interface TracesBody {
  resourceSpans: {
    resource?: { attributes?: Attribute[] };
    scopeSpans: {
      spans: (Omit<ReceivedSpan, 'attributes' | 'status'> & { attributes?: Attribute[]; status?: { code?: number } })[];
    }[];
  }[];
}

const plainOf = ({ stringValue, intValue, doubleValue, boolValue }: Value): unknown =>
  stringValue ?? (intValue === undefined ? undefined : Number(intValue)) ?? doubleValue ?? boolValue;

const recordOf = (attributes: Attribute[] = []): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, plainOf(value)]));

const pointsOf = (metric: Record<string, unknown>): Point[] => {
  const data = (metric.sum ?? metric.gauge ?? metric.histogram) as { dataPoints?: NumberPoint[] } | undefined;
  return (data?.dataPoints ?? []).map(({ attributes, asInt, asDouble, count }) => ({
    attributes: recordOf(attributes),
    value: asInt === undefined ? asDouble : Number(asInt),
    count: count === undefined ? undefined : Number(count),
  }));
};

export const startOtlpReceiver = async (): Promise<OtlpReceiver> => {
  const metrics = new Map<string, Metric>();
  const spans: ReceivedSpan[] = [];
  const received: { resource: Record<string, unknown> } = { resource: {} };

  const takeMetrics = ({ resourceMetrics }: MetricsBody): void => {
    for (const { resource, scopeMetrics } of resourceMetrics) {
      received.resource = recordOf(resource?.attributes);
      for (const metric of scopeMetrics.flatMap((scope) => scope.metrics)) {
        metrics.set(metric.name, { name: metric.name, unit: metric.unit ?? '', points: pointsOf(metric) });
      }
    }
  };
  const takeSpans = ({ resourceSpans }: TracesBody): void => {
    for (const span of resourceSpans.flatMap(({ scopeSpans }) => scopeSpans).flatMap((scope) => scope.spans)) {
      const { traceId, spanId, parentSpanId = '', name, kind, attributes, status } = span;
      spans.push({
        traceId,
        spanId,
        parentSpanId,
        name,
        kind,
        attributes: recordOf(attributes),
        status: status?.code ?? 0,
      });
    }
  };

  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const message = JSON.parse(body.toString()) as unknown;
      if (request.url === '/v1/metrics') takeMetrics(message as MetricsBody);
      else if (request.url === '/v1/traces') takeSpans(message as TracesBody);
      else return response.writeHead(404).end();
      return response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    endpoint: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    metrics,
    spans,
    get resource() {
      return received.resource;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
