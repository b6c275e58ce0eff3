import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { failure } from '../errors.ts';

/** Where the browser comes back to with the code. */
export interface Loopback {
  /** `http://127.0.0.1:PORT`: what the consent is asked for. */
  redirectUri: string;
  /** The code of the consent. @throws CourierClientError `login-refused` when the person said no, or nothing came in time */
  code(): Promise<string>;
  close(): void;
}

interface Visit {
  status: number;
  title: string;
  text: string;
  code?: string;
  /** RFC 6749 § 4.1.2.1: a word such as `access_denied`. */
  refusal?: string;
}

/** What a request to the loopback address is. */
const visitOf = ({ url = '/', method }: IncomingMessage, state: string): Visit => {
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
  if (method !== 'GET' || pathname !== '/') return { status: 404, title: 'Not here', text: 'There is nothing here.' };
  if (searchParams.get('state') !== state)
    return { status: 400, title: 'Not this login', text: 'This page does not belong to the login that is waiting.' };
  const code = searchParams.get('code');
  if (code !== null)
    return { status: 200, title: 'Done', text: 'The courier has its consent. You may close this window.', code };
  const refusal = /^[a-z_]{1,40}$/.exec(searchParams.get('error') ?? '')?.[0] ?? 'no code';
  const text = 'The consent was not given. You may close this window.';
  return { status: 200, title: 'Nothing was changed', text, refusal };
};

const answer = (response: ServerResponse, { status, title, text }: Visit): void => {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', connection: 'close' };
  response.writeHead(status, headers);
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${text}</p></html>\n`,
  );
};

/**
 * Listens on loopback for one consent, as RFC 8252 § 7.3 has it for native apps: any free port, this machine only.
 * @param state what the consent was asked with; another one comes from a page that this login did not open
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
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // Nobody may be waiting yet when it fails.
  promise.catch(() => undefined);

  const server = createServer((request, response) => {
    const visit = visitOf(request, state);
    answer(response, visit);
    if (visit.code !== undefined) resolve(visit.code);
    if (visit.refusal !== undefined)
      reject(failure('login-refused', { detail: `The consent was not given (${visit.refusal}).` }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const timer = setTimeout(
    () =>
      reject(
        failure('login-refused', {
          detail: `Nobody came back from the consent page within ${timeoutMs / 60_000} minutes.`,
        }),
      ),
    timeoutMs,
  );
  const stop = (): void => reject(failure('login-refused', { detail: 'Stopped before the consent was given.' }));
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
