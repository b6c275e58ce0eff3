import type { CourierError } from '../../errors.ts';
import type { CourierContext } from '../environment.ts';
import type { Services } from '../services.ts';
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

/**
 * Callers who were refused (401, 403), as warnings a minute; those beyond are told at `info`, as any request is. Anybody can
 * be refused as often as he likes, and must not fill a log of which only the warnings are kept.
 */
const MAX_WARNINGS = 60;
const MINUTE_MS = 60_000;

/** True while there are fewer than that many in the minute that began with the first of them. */
const createAllowance = (now: () => number): (() => boolean) => {
  let [sinceMs, count] = [Number.NEGATIVE_INFINITY, 0];
  return () => {
    if (now() - sinceMs >= MINUTE_MS) [sinceMs, count] = [now(), 0];
    count += 1;
    return count <= MAX_WARNINGS;
  };
};

/** A mistake in a request is its caller's business; a caller who is refused is somebody's set-up, or a stranger. */
const levelOf = (failure: CourierError | undefined, mayWarn: () => boolean): 'info' | 'warn' | 'error' => {
  if (failure === undefined) return 'info';
  if (failure.status === 401 || failure.status === 403) return mayWarn() ? 'warn' : 'info';
  if (failure.status < 500) return 'info';
  return failure.retryable ? 'warn' : 'error';
};

const write = (
  services: Services,
  context: CourierContext,
  { startedAtMs, mayWarn }: { startedAtMs: number; mayWarn: () => boolean },
): void => {
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
  if (failure === undefined && ['/v1/health', '/v1/ready'].includes(context.req.path))
    services.log.debug(fields, message);
  else services.log[levelOf(failure, mayWarn)](fields, message);
};

/** One line a request, in the form that Cloud Logging shows as an HTTP request; failures with their causes. */
export const createRequestLog = (services: Services): ((context: CourierContext, startedAtMs: number) => void) => {
  const mayWarn = createAllowance(services.now);
  return (context, startedAtMs) => write(services, context, { startedAtMs, mayWarn });
};
