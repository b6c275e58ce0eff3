import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GoogleCall } from '../google-service.ts';
import { ApiError, rpcError } from './api-error.ts';

/**
 * An answer as JSON: indented, unless the request asks for `prettyPrint=false`
 * (https://docs.cloud.google.com/apis/docs/system-parameters).
 */
export const jsonText = ({ req }: ServerResponse, body: unknown): string => {
  const isIndented = new URLSearchParams(req.url?.split('?')[1]).get('prettyPrint') !== 'false';
  return isIndented ? `${JSON.stringify(body, undefined, 2)}\n` : JSON.stringify(body);
};

export function sendJson(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = jsonText(response, body);
  response.writeHead(code, {
    'content-type': 'application/json; charset=UTF-8',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

export function sendText(
  response: ServerResponse,
  code: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(code, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

const MAX_BODY_BYTES = 1024 * 1024;

/** @throws ApiError 400 when the body exceeds `maxBytes` */
async function readBody(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Keep reading to the end: leaving the loop would break the connection before the error answer is sent.
    if (size <= maxBytes) chunks.push(chunk);
  }
  if (size > maxBytes) throw rpcError('INVALID_ARGUMENT', `Request payload size exceeds the limit: ${maxBytes} bytes.`);
  return Buffer.concat(chunks);
}

/** Reads the body as JSON. An empty body is `{}`. @throws ApiError 400 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = (await readBody(request)).toString('utf8');
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw rpcError('INVALID_ARGUMENT', 'Invalid JSON payload received. Unexpected token.');
  }
}

const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([name, member]) => [name, withoutNulls(member)]));
};

/** Reads the body as proto3 JSON, in which null means absent. @throws ApiError 400 */
export const readMessage = async (request: IncomingMessage): Promise<unknown> => withoutNulls(await readJson(request));

/** Reads the members of a form. JSON is accepted too, as by Google's token endpoints. @throws ApiError 400 */
export async function readForm(request: IncomingMessage): Promise<Map<string, string>> {
  if ((request.headers['content-type'] ?? '').startsWith('application/json')) {
    const body = await readJson(request);
    const members = typeof body === 'object' && body !== null ? Object.entries(body) : [];
    return new Map(members.filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
  }
  return new Map(new URLSearchParams((await readBody(request)).toString('utf8')));
}

/** The bearer token of a call, from the header or from `?access_token=`. */
export function bearerOf({ request, url }: GoogleCall): string | undefined {
  const fromHeader = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return fromHeader ?? url.searchParams.get('access_token') ?? undefined;
}

/** Runs a route and sends the ApiError that it throws. */
export async function answering(call: GoogleCall, route: () => Promise<void> | void): Promise<true> {
  try {
    await route();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (typeof error.body === 'string') sendText(call.response, error.code, error.body, error.headers);
    else sendJson(call.response, error.code, error.body, error.headers);
  }
  return true;
}
