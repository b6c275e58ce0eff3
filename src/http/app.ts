import { Hono } from 'hono';
import { asCourierError, CourierError } from '../errors.ts';
import type { MinThroughput } from './request/request-body.ts';
import { createDocumentMemory, MAX_DOCUMENT_BYTES, MAX_PUSH_BYTES } from './capacity/document-memory.ts';
import type { Bindings, CourierContext, Variables } from './environment.ts';
import { createExportsHandler } from './routes/exports.ts';
import { createFilesHandler } from './routes/files.ts';
import { createRouteNames, inTrace } from './observe/in-trace.ts';
import { nearestRoute } from './nearest-route.ts';
import { gatherOptions, parseInput } from './request/options.ts';
import { isBodyPending, isCallerGone } from './request/pending-body.ts';
import { problemResponse } from './problem.ts';
import { createPubsubHandler } from '../pubsub/push.ts';
import { doctorQuery } from './request/queries.ts';
import { readQuery } from './request/query.ts';
import { HEADERS_TOO_LARGE, headersTooLarge, isHeadTooLarge, refuseHead } from './request/request-head.ts';
import { createRequestLog } from './observe/request-log.ts';
import type { Capacity } from './capacity/room.ts';
import type { Services } from './services.ts';
import { createSlots, holderOf } from './capacity/slots.ts';
import { readTrace } from './observe/trace.ts';
import { createCompleteUploadHandler, createOpenUploadHandler } from './routes/uploads.ts';

export type CourierApp = Hono<{ Bindings: Bindings; Variables: Variables }>;

type Handler = (context: CourierContext) => Promise<Response>;

interface Route {
  method: 'GET' | 'POST';
  path: string;
  /** Who may ask: anybody, a caller with an ID token, or the account of a Pub/Sub subscription. */
  who: 'anybody' | 'caller' | 'push';
  handle: Handler;
}

/** Descriptions on their way at once: they are the one long answer that anybody may ask for, and take at leisure. */
const MAX_DESCRIPTIONS = 64;

/** Examinations that one operator may have under way at once: each makes some hundred calls to Google. */
const MAX_DOCTORS = 4;

/** The API's description, made once, however often it is asked for. */
const createDescription = ({ version }: Services): Handler => {
  let description: Promise<string> | undefined;
  let underWay = 0;
  return async (context) => {
    if (underWay >= MAX_DESCRIPTIONS) throw new CourierError('busy', { retryAfterSeconds: 2 });
    // Of a caller that is gone already no end will be told.
    if (!isCallerGone(context.env)) {
      underWay += 1;
      context.env.outgoing.once('close', () => {
        underWay -= 1;
      });
    }
    description ??= import('./openapi/openapi.ts').then(({ openApiDocument }) =>
      JSON.stringify(openApiDocument(version)),
    );
    return context.body(await description, 200, { 'Content-Type': 'application/json' });
  };
};

/** Everything that the courier answers. */
const routesOf = (services: Services, minThroughput: MinThroughput | undefined): Route[] => {
  const slots = createSlots(services.concurrentUploads);
  const files = createFilesHandler(services, slots, minThroughput);
  const doctorSlots = createSlots(MAX_DOCTORS);
  const room: Capacity = { slots, memory: createDocumentMemory(MAX_DOCUMENT_BYTES), minThroughput: minThroughput };
  // Memory of their own: no document of a caller keeps a message out.
  const pushRoom: Capacity = { slots, memory: createDocumentMemory(MAX_PUSH_BYTES), minThroughput: minThroughput };
  return [
    { method: 'POST', path: '/v1/files', who: 'caller', handle: files },
    { method: 'POST', path: '/', who: 'caller', handle: files },
    { method: 'POST', path: '/v1/exports', who: 'caller', handle: createExportsHandler(services, room) },
    { method: 'POST', path: '/v1/pubsub', who: 'push', handle: createPubsubHandler(services, pushRoom) },
    { method: 'POST', path: '/v1/uploads', who: 'caller', handle: createOpenUploadHandler(services, room) },
    {
      method: 'POST',
      path: '/v1/uploads/:id/complete',
      who: 'caller',
      handle: createCompleteUploadHandler(services, room),
    },
    {
      method: 'GET',
      path: '/v1/destinations',
      who: 'caller',
      handle: async (context) => context.json({ destinations: services.destinations(context.var.caller) }),
    },
    {
      method: 'GET',
      path: '/v1/doctor',
      who: 'caller',
      handle: async (context) => {
        const { write } = parseInput(doctorQuery, gatherOptions(readQuery(context.env.incoming.url ?? '')));
        const { caller } = context.var;
        const work = () => services.doctor(caller, { write });
        return context.json(await doctorSlots.hold(holderOf.caller(caller), work));
      },
    },
    {
      method: 'GET',
      path: '/v1/health',
      who: 'anybody',
      handle: async (context) => {
        const { version, commit, ledgerKind } = services;
        const once = ledgerKind === 'memory' ? { once: 'instance' } : {};
        return context.json({ ok: true, version, commit, ledger: ledgerKind, ...once });
      },
    },
    {
      method: 'GET',
      path: '/v1/ready',
      who: 'anybody',
      handle: async (context) => {
        refuseWhenStopping(services, context);
        const readiness = await services.ready();
        return readiness.ok ? context.json(readiness) : context.json(readiness, 503, { 'Retry-After': '10' });
      },
    },
    {
      method: 'GET',
      path: '/openapi.json',
      who: 'anybody',
      handle: createDescription(services),
    },
  ];
};

const refuseWhenStopping = (services: Services, { env }: CourierContext): void => {
  if (services.stopping() || env.stopping?.()) throw new CourierError('shutting-down', { retryAfterSeconds: 1 });
};

/** Knows the caller from the headers alone: not a byte of the body has been asked for. */
const admit = async (services: Services, { who }: Route, context: CourierContext): Promise<void> => {
  if (who === 'anybody') return;
  refuseWhenStopping(services, context);
  const { headers } = context.req.raw;
  context.set('caller', await (who === 'push' ? services.authenticatePush(headers) : services.authenticate(headers)));
};

const allowed = (routes: readonly Route[], path: string): string => {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
};

/** The headers that every answer has. */
const finish = ({ env, var: { trace }, res }: CourierContext): void => {
  res.headers.set('X-Request-Id', trace.requestId);
  res.headers.set('X-Content-Type-Options', 'nosniff');
  if (!res.headers.has('Cache-Control')) res.headers.set('Cache-Control', 'no-store');
  // Whoever is refused while sending must stop; on HTTP/1 only the end of the connection says so (RFC 9112, 9.3).
  if (isBodyPending(env.incoming) && !('stream' in env.incoming)) res.headers.set('Connection', 'close');
};

/** Refuses a request by its headers, before it is looked at which route it is for. */
const checkHead = async (context: CourierContext, next: () => Promise<void>): Promise<Response | undefined> => {
  const { incoming } = context.env;
  if (isHeadTooLarge(incoming)) {
    const failure = headersTooLarge();
    context.set('failure', failure);
    return problemResponse(failure, context.var.trace.requestId, { status: HEADERS_TOO_LARGE });
  }
  refuseHead(incoming);
  await next();
  return undefined;
};

/** A path that no route has, with the one that was probably meant. */
const notFound = (context: CourierContext, routes: readonly Route[]): Response => {
  const near = nearestRoute(
    context.req.path,
    routes.map(({ path }) => path),
  );
  const failure = new CourierError('not-found', near === undefined ? {} : { remedy: `Use ${near} instead.` });
  context.set('failure', failure);
  return problemResponse(failure, context.var.trace.requestId);
};

/**
 * The courier over HTTP, in whichever form it runs: one app behind a Node listener that gives it the `Bindings`.
 * @param minThroughput with slow bodies; a parameter for tests alone
 */
export const createApp = (
  services: Services,
  { minThroughput }: { minThroughput?: MinThroughput } = {},
): CourierApp => {
  const app: CourierApp = new Hono();
  const routes = routesOf(services, minThroughput);
  const logRequest = createRequestLog(services);
  const routeOf = createRouteNames(routes.map(({ path }) => path));

  app.use(async (context, next) => {
    const startedAtMs = services.now();
    context.set('trace', readTrace(context.req.raw.headers));
    await inTrace(services, context, routeOf(context.req.path), async () => {
      await next();
      finish(context);
      logRequest(context, startedAtMs);
    });
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
      try {
        await admit(services, route, context);
        return await route.handle(context);
      } catch (thrown) {
        // Hono passes on what is no Error.
        throw asCourierError(thrown);
      }
    });
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const allow = allowed(routes, path);
    app.options(path, (context) => context.body(null, 204, { Allow: allow }));
    app.all(path, (context) => {
      const failure = new CourierError('method-not-allowed', {
        detail: `${context.req.method} is not taken here; ${allow} are.`,
      });
      context.set('failure', failure);
      return problemResponse(failure, context.var.trace.requestId, { headers: { Allow: allow } });
    });
  }
  return app;
};
