import { isAudited } from '../delivery/audit.ts';
import { callerName } from '../domain.ts';
import type { CourierError } from '../errors.ts';
import { withFields } from '../log.ts';
import type { HttpDependencies } from './dependencies.ts';
import type { CourierContext, Trace } from './request-context.ts';

/** The fields by which Cloud Logging groups log lines by trace (https://cloud.google.com/logging/docs/structured-logging). */
const traceFields = (
  { traceId, spanId, sampled }: Trace,
  project: string | undefined,
): Readonly<Record<string, unknown>> =>
  traceId === undefined
    ? {}
    : {
        'logging.googleapis.com/trace': project === undefined ? traceId : `projects/${project}/traces/${traceId}`,
        'logging.googleapis.com/spanId': spanId,
        'logging.googleapis.com/trace_sampled': sampled,
      };

/**
 * The path without the query, which contains names and descriptions of files. The audit line has the relevant parts of
 * it.
 */
const pathOf = (target: string | undefined): string => (target ?? '').replace(/[?#].*$/s, '').slice(0, 512);

const httpRequest = ({ env, req, res }: CourierContext, latencyMs: number): object => ({
  requestMethod: req.method,
  requestUrl: pathOf(env.incoming.url),
  status: res.status,
  latency: `${(latencyMs / 1000).toFixed(3)}s`,
  protocol: `HTTP/${env.incoming.httpVersion}`,
  ...(/^\d+$/.test(req.header('content-length') ?? '') ? { requestSize: req.header('content-length') } : {}),
  userAgent: req.header('user-agent')?.slice(0, 256),
});

/**
 * Rejected callers (401, 403) that are logged as warnings, per minute. Further ones are logged at `info` like any other
 * request, so that nobody can flood a log that keeps only warnings.
 */
const MAX_WARNINGS = 60;
const MINUTE_MS = 60_000;

/**
 * Refusals that are audited, per minute. Callers that are known have a number of their own, so that nobody without a token
 * can keep the refusals of others out of the audit.
 */
const MAX_REFUSALS = { known: 300, unknown: 60 } as const;

/**
 * Grants the first `max` calls of each minute.
 * @returns for a call that is not granted undefined, else how many were not since the last one that was
 */
const createAllowance = (now: () => number, max: number): (() => number | undefined) => {
  let [sinceMs, count, omitted] = [Number.NEGATIVE_INFINITY, 0, 0];
  return () => {
    if (now() - sinceMs >= MINUTE_MS) [sinceMs, count] = [now(), 0];
    count += 1;
    if (count > max) {
      omitted += 1;
      return undefined;
    }
    const before = omitted;
    omitted = 0;
    return before;
  };
};

interface Allowances {
  warn(): boolean;
  audit: Record<keyof typeof MAX_REFUSALS, () => number | undefined>;
}

const createAllowances = (now: () => number): Allowances => {
  const mayWarn = createAllowance(now, MAX_WARNINGS);
  return {
    warn: () => mayWarn() !== undefined,
    audit: {
      known: createAllowance(now, MAX_REFUSALS.known),
      unknown: createAllowance(now, MAX_REFUSALS.unknown),
    },
  };
};

/**
 * The audit of a delivery that was refused before it began: without a valid token, over a limit, too large, malformed. It is
 * part of the request's line, so it adds none. It has no `outcome`, which the lines of deliveries have.
 */
const refusalOf = (context: CourierContext, { audit }: Allowances) => {
  const { env, req, res } = context;
  const failure = context.get('failure');
  if (failure === undefined || context.get('delivers') !== true || isAudited(failure)) return {};
  const caller = context.get('caller');
  const omitted = audit[caller === undefined ? 'unknown' : 'known']();
  if (omitted === undefined) return {};
  const size = Number(req.header('content-length'));
  return {
    audit: {
      ...{ refused: failure.code, status: res.status, route: pathOf(env.incoming.url) },
      caller: caller === undefined ? null : callerName(caller),
      callerSub: caller?.sub,
      size: Number.isSafeInteger(size) && size >= 0 && req.header('content-length') !== undefined ? size : null,
      ...(omitted === 0 ? {} : { omitted }),
    },
  };
};

/** A mistake in a request concerns only its caller. A rejected caller may be a mistake in the set-up. */
const levelOf = (failure: CourierError | undefined, { warn }: Allowances): 'info' | 'warn' | 'error' => {
  if (failure === undefined) return 'info';
  if (failure.status === 401 || failure.status === 403) return warn() ? 'warn' : 'info';
  if (failure.status < 500) return 'info';
  return failure.retryable ? 'warn' : 'error';
};

type LogDependencies = Pick<HttpDependencies, 'now' | 'log' | 'project'>;

const write = (
  { now, log, project }: LogDependencies,
  context: CourierContext,
  { startedAtMs, allowances }: { startedAtMs: number; allowances: Allowances },
): void => {
  // `context.var` would copy all variables into a new object.
  const [trace, caller, failure] = [context.get('trace'), context.get('caller'), context.get('failure')];
  const fields = {
    httpRequest: httpRequest(context, now() - startedAtMs),
    requestId: trace.requestId,
    ...traceFields(trace, project),
    'logging.googleapis.com/labels': {
      status: String(context.res.status),
      code: failure?.code,
    },
    caller: caller && callerName(caller),
    code: failure?.code,
    error: failure,
    ...refusalOf(context, allowances),
  };
  // Error Reporting groups lines without a stack trace by their message.
  const ending = failure === undefined ? '' : ` ${failure.code}`;
  const message = `${context.req.method} ${pathOf(context.env.incoming.url)} ${context.res.status}${ending}`;
  if (failure === undefined && ['/v1/health', '/v1/ready'].includes(context.req.path)) log.debug(fields, message);
  else log[levelOf(failure, allowances)](fields, message);
};

/**
 * Writes one line per request, in the format that Cloud Logging shows as an HTTP request. Failures include their
 * causes.
 */
export const createRequestLog = (
  dependencies: LogDependencies,
): ((context: CourierContext, startedAtMs: number) => void) => {
  const allowances = createAllowances(dependencies.now);
  return (context, startedAtMs) => write(dependencies, context, { startedAtMs, allowances });
};

/**
 * Runs a request in its trace: every log line has the trace fields and, with telemetry, the request is a child span of
 * the caller's.
 */
export const inTrace = (
  { project, telemetry }: Pick<HttpDependencies, 'project' | 'telemetry'>,
  context: CourierContext,
  routeOf: (path: string) => string,
  next: () => Promise<void>,
): Promise<unknown> => {
  const trace = context.get('trace');
  return withFields(traceFields(trace, project), () => {
    if (telemetry === undefined) return next();
    return telemetry.request({ method: context.req.method, route: routeOf(context.req.path), ...trace }, async () => {
      await next();
      return context.res;
    });
  });
};
