import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { failure } from '../errors.ts';

/** A listener for the redirect with the authorization code. */
export interface Loopback {
  /** `http://127.0.0.1:PORT` */
  redirectUri: string;
  /** Waits for the authorization code. @throws CourierClientError `login-refused` if the person declined, or after the time limit */
  code(): Promise<string>;
  close(): void;
}

interface Visit {
  status: number;
  title: string;
  text: string;
  code?: string;
  /** An error code such as `access_denied` (RFC 6749, section 4.1.2.1). */
  refusal?: string;
}

/** Interprets a request to the loopback address. */
const visitOf = ({ url = '/', method }: IncomingMessage, state: string): Visit => {
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
  if (method !== 'GET' || pathname !== '/')
    return { status: 404, title: 'Not found', text: 'There is no page at this address.' };
  if (searchParams.get('state') !== state)
    return { status: 400, title: 'Wrong login', text: 'This page belongs to another login.' };
  const code = searchParams.get('code');
  if (code !== null) return { status: 200, title: 'Done', text: 'Consent given. You can close this window.', code };
  const refusal = /^[a-z_]{1,40}$/.exec(searchParams.get('error') ?? '')?.[0] ?? 'no code';
  const text = 'Consent was not given. You can close this window.';
  return { status: 200, title: 'Nothing changed', text, refusal };
};

const answer = (response: ServerResponse, { status, title, text }: Visit): void => {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', connection: 'close' };
  response.writeHead(status, headers);
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${text}</p></html>\n`,
  );
};

/**
 * Listens on a free loopback port for one consent, as RFC 8252, section 7.3 describes for native apps.
 * @param state the state of the consent request; a request with another state comes from a page that this login did not open
 */
export const listenForCode = async ({
  state,
  timeoutMs,
  signal,
}: {
  state: string;
  timeoutMs: number;
  signal: AbortSignal;
}): Promise<Loopback> => {
  const deferred: { resolve(code: string): void; reject(error: Error): void } = { resolve() {}, reject() {} };
  const promise = new Promise<string>((resolve, reject) => Object.assign(deferred, { resolve, reject }));
  // It may fail before anything waits for it.
  promise.catch(() => undefined);

  const server = createServer((request, response) => {
    const visit = visitOf(request, state);
    answer(response, visit);
    if (visit.code !== undefined) deferred.resolve(visit.code);
    if (visit.refusal !== undefined)
      deferred.reject(failure('login-refused', { detail: `Consent was not given (${visit.refusal}).` }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const timer = setTimeout(
    () =>
      deferred.reject(
        failure('login-refused', {
          detail: `No consent within ${timeoutMs / 60_000} minutes.`,
        }),
      ),
    timeoutMs,
  );
  const stop = (): void => deferred.reject(failure('stopped'));
  signal.addEventListener('abort', stop);
  const { port } = server.address() as AddressInfo;
  return {
    redirectUri: `http://127.0.0.1:${port}`,
    code: () => promise,
    close() {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      server.close();
      server.closeIdleConnections();
    },
  };
};
