import { ServerResponse } from 'node:http';
import { Hono } from 'hono';
import { createAuthorize } from '../../../src/delivery/checks/check-request.ts';
import type { Allow } from '../../../src/delivery/resolve-options.ts';
import type { Caller, Delivery, Receipt } from '../../../src/domain.ts';
import { createSlots } from '../../../src/http/capacity.ts';
import { createDocumentMemory, createLineMemory, MAX_DOCUMENT_BYTES } from '../../../src/http/document-memory.ts';
import { problemResponse } from '../../../src/http/problem.ts';
import type { Bindings, Variables } from '../../../src/http/request-context.ts';
import { createFilesHandler } from '../../../src/http/routes/files.ts';
import type { Log } from '../../../src/log.ts';
import { requestOf } from './local-drive.ts';

export interface ArchiveRequest {
  caller: Caller;
  requestId: string;
  idempotencyKey?: string;
  /** With the query. */
  target: string;
  body: Buffer;
  /** Aborted when the caller disconnects. */
  signal: AbortSignal;
  /** Delivers an entry with the process's own `deliver`. */
  delivers(delivery: Delivery, deliver: () => Promise<Receipt>): Promise<Receipt>;
}

const REQUEST_SECONDS = 120;
const CONCURRENT_UPLOADS = 10;

/** The route for archives of one process, called directly instead of over sockets, for callers that are authenticated. */
export const createUnpack = ({
  allow,
  deliver,
  now,
  log,
}: {
  allow: Allow;
  deliver(delivery: Delivery): Promise<Receipt>;
  now: () => number;
  log: Log;
}) => {
  const slots = createSlots(CONCURRENT_UPLOADS, now);
  const capacity = {
    slots,
    memory: createDocumentMemory(MAX_DOCUMENT_BYTES),
    lines: createLineMemory(),
    minThroughput: undefined,
  };
  const authorize = createAuthorize({ allow, requireAnyDestination: () => undefined, now, log });
  const shared = { authorize, now, log, maxBodyBytes: undefined, requestSeconds: REQUEST_SECONDS };
  const reports = { name: 'reports', path: '', onConflict: 'new', convertTo: null, maxBytes: 2 ** 40 } as const;

  return async ({ target, body, idempotencyKey, signal, requestId, ...request }: ArchiveRequest): Promise<Response> => {
    const headers = {
      'content-type': 'application/zip',
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    };
    const incoming = requestOf({ method: 'POST', headers, body: [body] }, target);
    const outgoing = new ServerResponse(incoming);
    signal.addEventListener('abort', () => {
      outgoing.destroyed = true;
      outgoing.emit('close');
    });
    const handle = createFilesHandler(
      {
        ...shared,
        destinations: () => [reports],
        deliver: (delivery) => request.delivers(delivery, () => deliver(delivery)),
      },
      capacity,
    );
    const app = new Hono<{ Bindings: Bindings; Variables: Variables }>();
    app.onError((error) => problemResponse(error, requestId));
    app.post('/v1/files', (context) => {
      context.set('caller', request.caller);
      context.set('trace', { requestId, sampled: false });
      return handle(context);
    });
    return app.fetch(new Request(`http://courier.invalid${target}`, { method: 'POST', headers }), {
      incoming,
      outgoing,
    });
  };
};
