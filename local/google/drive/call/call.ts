import type { ServerResponse } from 'node:http';
import type { GoogleCall, Grant } from '../../google-service.ts';
import { jsonText } from '../../http/answers.ts';
import type { MethodDescription, Route } from '../discovery/discovery.ts';
import { DriveError } from '../errors.ts';
import type { Mask } from '../fields/parse.ts';
import type { Actor } from '../model.ts';
import type { DriveState } from '../store/state.ts';
import type { Parameters } from './parameters.ts';

/** An authorized call of a Drive method. */
export interface DriveCall {
  google: GoogleCall;
  method: MethodDescription;
  form: Route['form'];
  path: Record<string, string>;
  parameters: Parameters;
  /** The fields to return. */
  mask: Mask;
  grant: Grant;
  actor: Actor;
  /** `supportsAllDrives`, or its older name `supportsTeamDrives`. */
  supportsAllDrives: boolean;
  /** The JSON body, checked against the method's schema. */
  body(): Promise<Record<string, unknown>>;
}

/** A resource to mask and send, `empty` for a 204, or `answered` when the method has written the answer itself. */
export type Answer = { resource: unknown } | 'empty' | 'answered';

export type Method = (state: DriveState, call: DriveCall) => Promise<Answer> | Answer;

/** True when the caller wants the bytes and not the resource: `alt=media`, or a path under `/download/`. */
export const isDownload = ({ form, parameters }: Pick<DriveCall, 'form' | 'parameters'>): boolean =>
  form === 'download' || parameters.text('alt') === 'media';

export const pathParameter = (call: DriveCall, name: string): string => call.path[name] ?? '';

export function sendJson(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = jsonText(response, body);
  response.writeHead(code, {
    'content-type': 'application/json; charset=UTF-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, no-store, max-age=0, must-revalidate',
    vary: 'Origin, X-Origin',
    ...headers,
  });
  response.end(text);
}

/** Google's upload servers answer in plain text where the API answers in JSON. */
export function sendText(
  response: ServerResponse,
  code: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

export function sendError(response: ServerResponse, error: unknown): void {
  // The connection is broken, so there is nobody to answer. A client that disconnects is not an error of this server.
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  if (error instanceof DriveError) {
    sendJson(response, error.code, error.body, error.headers);
    return;
  }
  console.error('Local Drive failed:', error);
  const message = 'Internal Error';
  sendJson(response, 500, {
    error: { code: 500, message, errors: [{ domain: 'global', reason: 'internalError', message }] },
  });
}
