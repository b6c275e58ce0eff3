import type { CourierError } from '../errors.ts';
import type { CourierContext } from './environment.ts';
import type { Services } from './services.ts';
import type { Trace } from './trace.ts';

/** The fields by which Cloud Logging groups lines with their trace (https://cloud.google.com/logging/docs/structured-logging). */
export const traceFields = (
  { traceId, spanId, sampled }: Trace,
  project: string | undefined,
): Readonly<Record<string, unknown>> =>
  traceId === undefined
    ? {}
    : {
        'logging.googleapis.com/trace': project === undefined ? traceId : `projects/${project}/traces/${traceId}`,
        ...(spanId === undefined ? {} : { 'logging.googleapis.com/spanId': spanId }),
        'logging.googleapis.com/trace_sampled': sampled,
      };

/** The query stays out: a caller's names and descriptions are in the audit line, and nothing else belongs into one. */
const pathOf = (target: string | undefined): string => (target ?? '').replace(/[?#].*$/s, '').slice(0, 512);

const httpRequest = ({ env, req, res }: CourierContext, latencyMs: number): object => ({
  requestMethod: req.method,
  requestUrl: pathOf(env.incoming.url),
  status: res.status,
  latency: `${(latencyMs / 1000).toFixed(3)}s`,
  protocol: `HTTP/${env.incoming.httpVersion}`,
  ...(/^\d+$/.test(req.header('content-length') ?? '') ? { requestSize: req.header('content-length') } : {}),
  ...(req.header('user-agent') === undefined ? {} : { userAgent: req.header('user-agent')?.slice(0, 256) }),
});

const levelOf = (failure: CourierError | undefined): 'info' | 'warn' | 'error' => {
  if (failure === undefined || failure.status < 500) return 'info';
  return failure.retryable ? 'warn' : 'error';
};

/** One line a request, in the form that Cloud Logging shows as an HTTP request; failures with their causes. */
export const logRequest = (services: Services, context: CourierContext, startedAtMs: number): void => {
  const { trace, caller, failure } = context.var;
  const fields = {
    httpRequest: httpRequest(context, services.now() - startedAtMs),
    requestId: trace.requestId,
    ...traceFields(trace, services.project),
    'logging.googleapis.com/labels': {
      status: String(context.res.status),
      ...(failure === undefined ? {} : { code: failure.code }),
    },
    ...(caller === undefined ? {} : { caller: caller.email ?? caller.sub }),
    ...(failure === undefined ? {} : { code: failure.code, error: failure }),
  };
  // Error Reporting groups lines by their message, where there is no stack.
  const ending = failure === undefined ? '' : ` ${failure.code}`;
  const message = `${context.req.method} ${pathOf(context.env.incoming.url)} ${context.res.status}${ending}`;
  if (failure === undefined && context.req.path === '/v1/health') services.log.debug(fields, message);
  else services.log[levelOf(failure)](fields, message);
};
