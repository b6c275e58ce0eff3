import { Hono } from 'hono';
import type { CallerLimits } from '../caller-limits/caller-limits.ts';
import { asCourierError, CourierError } from '../errors.ts';
import { createPubsubHandler } from '../pubsub/push.ts';
import { createSlots } from './capacity.ts';
import type { Capacity, HttpDependencies } from './dependencies.ts';
import { createDocumentMemory, createLineMemory, MAX_DOCUMENT_BYTES, MAX_PUSH_BYTES } from './document-memory.ts';
import { jsonResponse } from './json-response.ts';
import { problemResponse } from './problem.ts';
import { isBodyPending, type MinThroughput } from './request/incoming-request.ts';
import {
  HEADERS_TOO_LARGE,
  headersTooLarge,
  isHeadTooLarge,
  rejectInvalidHead,
  rejectQuery,
} from './request/request-head.ts';
import {
  type Bindings,
  type CourierContext,
  readTrace,
  rejectWhenStopping,
  type Variables,
} from './request-context.ts';
import { createRequestLog, inTrace } from './request-log.ts';
import { createDoctorHandler } from './routes/doctor.ts';
import { createExportsHandler } from './routes/exports.ts';
import { createFilesHandler } from './routes/files.ts';
import { createDescriptionHandler, createHealthHandler, createReadyHandler } from './routes/service.ts';
import { createCompleteUploadHandler, createOpenUploadHandler } from './routes/uploads.ts';

export type CourierApp = Hono<{ Bindings: Bindings; Variables: Variables }>;

type Handler = (context: CourierContext) => Promise<Response>;

interface Route {
  method: 'GET' | 'POST';
  path: string;
  /**
   * The accepted callers: anybody, a caller with an ID token, or the account of a Pub/Sub subscription. Only requests of callers
   * must not have unknown parameters: push endpoints, health checks and monitors often have some for their own purposes.
   */
  access: 'anybody' | 'caller' | 'push';
  handle: Handler;
  /** Which limits of its caller apply to a request, if any are configured. */
  limits?: 'for files' | 'concurrency';
}

/** Every route of the courier. */
const routesOf = (dependencies: HttpDependencies, minThroughput: MinThroughput | undefined): Route[] => {
  const slots = createSlots(dependencies.concurrentUploads, dependencies.now);
  const lines = createLineMemory();
  const capacity: Capacity = { slots, memory: createDocumentMemory(MAX_DOCUMENT_BYTES), lines, minThroughput };
  const files = createFilesHandler(dependencies, capacity);
  // Separate memory, so that the documents of callers never block messages.
  const pushCapacity: Capacity = { slots, memory: createDocumentMemory(MAX_PUSH_BYTES), lines, minThroughput };
  const listDestinations: Handler = async (context) => {
    rejectQuery(context.env.incoming.url ?? '', 'this request has no options');
    return jsonResponse({ destinations: dependencies.destinations(context.var.caller) }, 200);
  };
  const exports = createExportsHandler(dependencies, capacity);
  const pubsub = createPubsubHandler(dependencies, pushCapacity);
  const openUpload = createOpenUploadHandler(dependencies, capacity);
  const completeUpload = createCompleteUploadHandler(dependencies, capacity);
  return [
    { method: 'POST', path: '/v1/files', access: 'caller', limits: 'for files', handle: files },
    { method: 'POST', path: '/', access: 'caller', limits: 'for files', handle: files },
    { method: 'POST', path: '/v1/exports', access: 'caller', limits: 'for files', handle: exports },
    { method: 'POST', path: '/v1/pubsub', access: 'push', limits: 'for files', handle: pubsub },
    { method: 'POST', path: '/v1/uploads', access: 'caller', limits: 'for files', handle: openUpload },
    // The file has been counted when its session was opened.
    {
      method: 'POST',
      path: '/v1/uploads/:id/complete',
      access: 'caller',
      limits: 'concurrency',
      handle: completeUpload,
    },
    { method: 'GET', path: '/v1/destinations', access: 'caller', handle: listDestinations },
    { method: 'GET', path: '/v1/doctor', access: 'caller', handle: createDoctorHandler(dependencies) },
    { method: 'GET', path: '/v1/health', access: 'anybody', handle: createHealthHandler(dependencies) },
    { method: 'GET', path: '/v1/ready', access: 'anybody', handle: createReadyHandler(dependencies) },
    { method: 'GET', path: '/openapi.json', access: 'anybody', handle: createDescriptionHandler(dependencies) },
  ];
};

/** Authenticates the caller by the headers, before any byte of the body is read. */
const admit = async (dependencies: HttpDependencies, { access }: Route, context: CourierContext): Promise<void> => {
  if (access === 'anybody') return;
  rejectWhenStopping(dependencies);
  const { headers } = context.req.raw;
  context.set(
    'caller',
    await (access === 'push' ? dependencies.authenticatePush(headers) : dependencies.authenticate(headers)),
  );
};

/** Handles a request within the limits of its caller. Pub/Sub redelivers what is answered 503. */
const withinLimits = async (
  { hold, fields }: Pick<CallerLimits, 'hold' | 'fields'>,
  { access, limits, handle }: Route,
  context: CourierContext,
): Promise<Response> => {
  // The limits recognize the request by this object. An authenticator may give several requests the same one.
  const caller = { ...context.var.caller };
  context.set('caller', caller);
  context.set('rateLimit', () => fields(caller));
  try {
    return await hold(
      caller,
      limits === 'for files',
      () => handle(context),
      () => context.var.lasting,
    );
  } catch (thrown) {
    const error = asCourierError(thrown);
    if (access !== 'push' || error.code !== 'caller-over-quota') throw thrown;
    context.set('failure', error);
    return problemResponse(error, context.var.trace.requestId, { status: 503 });
  }
};

const allowed = (routes: readonly Route[], path: string): string => {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
};

/** Sets the headers that every response has. If the response of a route has one of them too, the route's value is sent. */
const setHeaders = (context: CourierContext): void => {
  const { incoming, outgoing } = context.env;
  const rateLimit = context.get('rateLimit');
  // They are set on Node's response, because Hono's would convert all headers to a Headers object and back.
  outgoing.setHeader('X-Request-Id', context.get('trace').requestId);
  outgoing.setHeader('X-Content-Type-Options', 'nosniff');
  outgoing.setHeader('Cache-Control', 'no-store');
  if (rateLimit !== undefined) {
    for (const [name, value] of Object.entries(rateLimit())) outgoing.setHeader(name, value);
  }
  // A rejected caller must stop sending its body. In HTTP/1 only closing the connection signals this (RFC 9112, 9.3).
  if (isBodyPending(incoming) && !('stream' in incoming)) outgoing.setHeader('Connection', 'close');
};

/** Rejects requests with invalid headers on every route. */
const checkHead = async (context: CourierContext, next: () => Promise<void>): Promise<Response | undefined> => {
  const { incoming } = context.env;
  if (isHeadTooLarge(incoming)) {
    const failure = headersTooLarge();
    context.set('failure', failure);
    return problemResponse(failure, context.var.trace.requestId, { status: HEADERS_TOO_LARGE });
  }
  rejectInvalidHead(incoming);
  await next();
  return undefined;
};

/** Answers an unknown path; the remedy suggests the route that was probably meant. */
const notFound = (context: CourierContext, routes: readonly Route[]): Response => {
  const near = nearestRoute(
    context.req.path,
    routes.map(({ path }) => path),
  );
  const failure = new CourierError('not-found', { remedy: near === undefined ? undefined : `Use ${near} instead.` });
  context.set('failure', failure);
  return problemResponse(failure, context.var.trace.requestId);
};

/**
 * The HTTP interface, the same for the service and for the function. It runs behind a Node listener, which provides the
 * `Bindings`.
 * @param minThroughput the slowest accepted body; a parameter for tests only
 */
export const createApp = (
  dependencies: HttpDependencies,
  { minThroughput }: { minThroughput?: MinThroughput } = {},
): CourierApp => {
  const app: CourierApp = new Hono();
  const { callerLimits } = dependencies;
  const routes = routesOf(dependencies, minThroughput);
  const logRequest = createRequestLog(dependencies);
  const routeOf = createRouteNames(routes.map(({ path }) => path));

  app.use(async (context, next) => {
    const startedAtMs = dependencies.now();
    context.set('trace', readTrace(context.req.raw.headers));
    await inTrace(dependencies, context, routeOf, async () => {
      await next();
      setHeaders(context);
    });
    // Not within the trace: this line has its fields itself, and would contain them twice.
    logRequest(context, startedAtMs);
  });
  app.use(checkHead);
  app.onError((thrown, context) => {
    const failure = asCourierError(thrown);
    context.set('failure', failure);
    return problemResponse(failure, context.var.trace.requestId);
  });
  app.notFound((context) => notFound(context, routes));

  for (const route of routes) {
    app.on(route.method, route.path, async (context) => {
      context.set('delivers', route.method === 'POST');
      try {
        await admit(dependencies, route, context);
        return await (callerLimits === undefined || route.limits === undefined
          ? route.handle(context)
          : withinLimits(await callerLimits(), route, context));
      } catch (thrown) {
        // Hono's error handler is not called for anything thrown that is not an Error.
        throw asCourierError(thrown);
      }
    });
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const allow = allowed(routes, path);
    app.options(path, (context) => context.body(null, 204, { Allow: allow }));
    app.all(path, (context) => {
      const failure = new CourierError('method-not-allowed', {
        detail: `${context.req.method} is not supported here. Supported methods: ${allow}.`,
      });
      context.set('failure', failure);
      return problemResponse(failure, context.var.trace.requestId, { headers: { Allow: allow } });
    });
  }
  return app;
};

/** Segments in lower case, without empty ones: a path joined from two parts often has a doubled slash. */
const segmentsOf = (path: string): string[] =>
  path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => segment.toLowerCase());

const isParameter = (segment: string): boolean => segment.startsWith(':');

const matches = (route: readonly string[], path: readonly string[]): boolean =>
  route.length === path.length && route.every((segment, at) => isParameter(segment) || segment === path[at]);

/** Possible meanings of an unknown path: unchanged, without a doubled version, with the version, in the plural. */
const readings = (path: readonly string[]): string[][] => {
  const [first, second] = path;
  const single = first === second ? path.slice(1) : path;
  const versioned = first === 'v1' ? [...single] : ['v1', ...single];
  const plural = versioned.map((segment, at) => (at === 1 && !segment.endsWith('s') ? `${segment}s` : segment));
  return [[...path], [...single], versioned, plural];
};

/**
 * Finds the route that an unknown path probably means: `/v1/files` for `//v1/files`, `/v1/files/` and `/v1/file`.
 * @param routes in Hono's syntax, such as `/v1/uploads/:id/complete`
 * @returns the route for people to read, such as `/v1/uploads/ID/complete`; undefined if none is similar
 */
const nearestRoute = (path: string, routes: readonly string[]): string | undefined => {
  const segments = segmentsOf(path);
  for (const reading of readings(segments)) {
    const found = routes.find((route) => matches(segmentsOf(route), reading));
    if (found !== undefined) return found.replace(/:\w+/g, (parameter) => parameter.slice(1).toUpperCase());
  }
  return undefined;
};

/** The label of a path in metrics: its route, or `other`, so that the number of labels stays small. */
const createRouteNames = (paths: readonly string[]): ((path: string) => string) => {
  const routes = [...new Set(paths)].map((path) => ({ path, segments: path.split('/') }));
  return (path) => {
    const segments = path.split('/');
    const route = routes.find(
      (known) =>
        known.segments.length === segments.length &&
        known.segments.every((segment, index) =>
          segment.startsWith(':') ? segments[index] !== '' : segment === segments[index],
        ),
    );
    return route?.path ?? 'other';
  };
};
