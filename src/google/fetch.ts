import { buffer } from 'node:stream/consumers';
import type { GoogleRequest, GoogleResponse, GoogleTransport } from './transport.ts';

/** Hosts whose POST requests only issue tokens or sign, so sending one twice is harmless. */
const TOKEN_HOSTS: ReadonlySet<string> = new Set([
  'oauth2.googleapis.com',
  'iamcredentials.googleapis.com',
  'sts.googleapis.com',
]);

const IDEMPOTENT_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE']);

/** Statuses for which the Fetch standard allows no body. */
const BODYLESS: ReadonlySet<number> = new Set([101, 204, 205, 304]);

const METHODS: readonly GoogleRequest['method'][] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'];

const readBody = async (body: unknown): Promise<Uint8Array | undefined> => {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof URLSearchParams) return Buffer.from(body.toString());
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (typeof body === 'object' && Symbol.asyncIterator in body) return buffer(body as AsyncIterable<Uint8Array>);
  throw new TypeError('unsupported body');
};

const headersOf = (init: RequestInit | undefined): Record<string, string> => {
  const headers = Object.fromEntries(new Headers(init?.headers));
  if (init?.body instanceof URLSearchParams) {
    headers['content-type'] ??= 'application/x-www-form-urlencoded;charset=UTF-8';
  }
  // The body is returned as it arrives, so it must not be compressed.
  delete headers['accept-encoding'];
  return headers;
};

const asResponse = ({ status, headers, body }: GoogleResponse): Response => {
  const known = Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return new Response(BODYLESS.has(status) ? null : new Uint8Array(body), { status, headers: known });
};

/** The transport as `fetch`, for Google's libraries and jose. It is for small calls, not for files. */
export const createFetch =
  (send: GoogleTransport['send']): typeof globalThis.fetch =>
  async (input, init) => {
    if (input instanceof Request) throw new TypeError('expected a URL, not a Request');
    const url = String(input);
    const { hostname } = new URL(url);
    const method = METHODS.find((name) => name === (init?.method ?? 'GET').toUpperCase());
    if (method === undefined) throw new TypeError(`unsupported method ${init?.method}`);
    const response = await send({
      operation: `${hostname} ${method}`,
      method,
      url,
      headers: headersOf(init),
      retry: IDEMPOTENT_METHODS.has(method) || TOKEN_HOSTS.has(hostname) ? 'idempotent' : 'once',
      body: await readBody(init?.body),
      signal: init?.signal ?? undefined,
    });
    return asResponse(response);
  };
