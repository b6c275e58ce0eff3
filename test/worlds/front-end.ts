import { createServer, type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isSignedBy, parseJwt } from '../../local/google/world/jwt.ts';
import { publicPemOf } from '../../local/google/world/keys.ts';
import type { World } from '../../local/google/world/world.ts';

/** The front end of a Cloud Run service, which checks IAM before it forwards a request. */
export interface FrontEnd {
  /** The service's address. */
  url: string;
  /** The port of the instance behind it. */
  serve(port: number): void;
  /** `run.invoker` for `allUsers`: nothing is checked, and `Authorization` is forwarded unchanged. */
  open(): void;
  close(): Promise<void>;
}

/** As Cloud Run writes it (seen in many reports: "Your client does not have permission to get URL / from this server."). */
const page = (title: string, why: string): string =>
  `<html><head>\n<meta http-equiv="content-type" content="text/html;charset=utf-8">\n<title>${title}</title>\n</head>\n<body text=#000000 bgcolor=#ffffff>\n<h1>Error: ${title.slice(4)}</h1>\n<h2>${why}</h2>\n<h2></h2>\n</body></html>\n`;

const refuse = (response: ServerResponse, status: 401 | 403, path: string): void => {
  const headers = { 'content-type': 'text/html; charset=UTF-8', server: 'Google Frontend' };
  if (status === 403) {
    const why = `Your client does not have permission to get URL <code>${path}</code> from this server.`;
    response.writeHead(403, headers).end(page('403 Forbidden', why));
    return;
  }
  const challenge = 'Bearer error="invalid_token" error_description="The access token could not be verified"';
  const why = 'Your client does not have permission to the requested URL.';
  response.writeHead(401, { ...headers, 'www-authenticate': challenge }).end(page('401 Unauthorized', why));
};

/** Cloud Run's IAM check, which removes signatures from the requests it forwards, on its own port. */
export const startFrontEnd = async (world: World, invokers: readonly string[]): Promise<FrontEnd> => {
  let behind = 0;
  let isOpen = false;

  /** The headers to forward; undefined once the request is rejected. */
  const admit = (request: IncomingMessage, response: ServerResponse): Record<string, unknown> | undefined => {
    if (isOpen) return request.headers;
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const jwt = token === undefined ? undefined : parseJwt(token);
    const isKnown =
      jwt !== undefined && world.state.signingKeys.some((key) => isSignedBy(jwt, publicPemOf(key.privateKeyPem)));
    if (token !== undefined && !isKnown) refuse(response, 401, request.url ?? '');
    else if (!invokers.includes(String(jwt?.claims.email))) refuse(response, 403, request.url ?? '');
    else
      return {
        ...request.headers,
        authorization: `Bearer ${token?.replace(/[^.]+$/, 'SIGNATURE_REMOVED_BY_GOOGLE')}`,
      };
    return undefined;
  };

  const server = createServer((request, response) => {
    const headers = admit(request, response);
    if (headers === undefined) return;
    const { method, url } = request;
    const onward = requestHttp(
      {
        port: behind,
        host: '127.0.0.1',
        method,
        path: url,
        headers: headers as IncomingMessage['headers'],
        agent: false,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, { ...answer.headers, server: 'Google Frontend' });
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (port) => {
      behind = port;
    },
    open: () => {
      isOpen = true;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
};
