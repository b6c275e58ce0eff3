import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaultInjector } from '../faults/injector.ts';
import type { GoogleCall, GoogleService } from '../google-service.ts';
import { sendJson } from './answers.ts';
import { ApiError, rpcError } from './api-error.ts';
import type { CallRecorder, RecordedCall } from './calls.ts';
import { targetOf } from './routing.ts';

export interface Dispatch {
  services: readonly GoogleService[];
  /** Routes of this server itself: `/_calls`, `/_faults`, `/_admin`, the viewer. */
  controlRoutes: readonly ((call: GoogleCall) => Promise<boolean>)[];
  recorder: CallRecorder;
  injector: FaultInjector;
  now: () => number;
  /** `http://127.0.0.1:PORT`, known once the server listens. */
  origin(): string;
}

const sendErrorAnswer = (response: ServerResponse, { code, body, headers }: ApiError): void => {
  if (response.headersSent) response.destroy();
  else sendJson(response, code, body, headers);
};

/** Records a call when it arrives and counts its bytes. A test that has an answer therefore finds the call recorded. */
function record(recorder: CallRecorder, call: GoogleCall, nowMs: number): RecordedCall {
  const { host, url, method, request, response } = call;
  const entry: RecordedCall & { faults: string[] } = {
    method,
    host,
    path: url.pathname,
    query: url.search,
    status: 0,
    requestBytes: 0,
    responseBytes: 0,
    startedMs: nowMs,
    faults: [],
  };
  const push = request.push.bind(request);
  request.push = (chunk: Buffer | null, encoding) => {
    entry.requestBytes += chunk?.length ?? 0;
    return push(chunk, encoding);
  };
  const writeHead = response.writeHead.bind(response) as (...head: unknown[]) => ServerResponse;
  response.writeHead = ((...head: [number, ...unknown[]]) => {
    entry.status = head[0];
    return writeHead(...head);
  }) as ServerResponse['writeHead'];
  // Kept because a request loses its socket when the connection breaks.
  const { socket } = request;
  const sent = socket.bytesWritten;
  response.once('close', () => {
    entry.responseBytes = Math.max(0, socket.bytesWritten - sent);
  });
  recorder.add(entry);
  return entry;
}

async function serve(dispatch: Dispatch, original: GoogleCall): Promise<void> {
  const entry = record(dispatch.recorder, original, dispatch.now());
  const { call, fired } = await dispatch.injector.apply(original);
  entry.faults = fired;
  if (call === undefined) return;
  const known = dispatch.services.filter(({ hosts }) => hosts.includes(call.host));
  for (const service of known) if (await service.handle(call)) return;
  const message =
    known.length === 0
      ? `The host ${call.host} is not implemented.`
      : `The requested URL ${call.url.pathname} was not found on this server.`;
  throw rpcError('NOT_FOUND', message);
}

/** The listener of the HTTP server. It passes each request to the service of the requested host, or answers 404. */
export function createListener(dispatch: Dispatch): (request: IncomingMessage, response: ServerResponse) => void {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = targetOf(request);
    if (target === undefined) throw rpcError('INVALID_ARGUMENT', 'The request has no valid address.');
    const method = request.method ?? 'GET';
    const call = { host: target.host ?? '', url: target.url, method, request, response, origin: dispatch.origin() };
    if (target.host !== undefined) return serve(dispatch, call);
    for (const page of dispatch.controlRoutes) if (await page(call)) return;
    throw rpcError('NOT_FOUND', `The requested URL ${target.url.pathname} was not found on this server.`);
  };
  return (request, response) => {
    const { socket } = request;
    // A client may disconnect. That is not an error.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    // Clients compare their clock with this header.
    response.setHeader('date', new Date(dispatch.now()).toUTCString());
    handle(request, response).catch((error: unknown) => {
      if (error instanceof ApiError) return sendErrorAnswer(response, error);
      if (socket.destroyed) return;
      console.error('The local Google failed:', error);
      sendErrorAnswer(response, rpcError('INTERNAL', 'Internal error encountered.'));
    });
  };
}
