import { createServer, request as requestHttp, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/**
 * `answer-lost`: the request takes effect, but the connection breaks before the response. `silent`: there is no
 * response at all.
 */
export type Loss = 'answer-lost' | 'silent' | 'unavailable';

export interface LossyRelay {
  origin: string;
  /** The last path segment of each request so far. */
  seen: string[];
  close(): Promise<void>;
}

/** An HTTP relay to another server on loopback, which drops the messages that the test selects. */
export const startLossyRelay = async (
  target: string,
  lose: (path: string, count: number, body: string) => Loss | undefined,
): Promise<LossyRelay> => {
  const seen: string[] = [];

  const forward = async (
    path: string,
    init: { method?: string; headers: object },
    body: Buffer,
    to: ServerResponse,
  ) => {
    const outgoing = requestHttp(`${target}${path}`, { ...init, headers: { ...init.headers, connection: 'close' } });
    const answered = new Promise<{ status: number; type: string; bytes: Buffer }>((resolve, reject) => {
      outgoing.once('error', reject);
      outgoing.once('response', (answer) => {
        const { statusCode = 0, headers } = answer;
        buffer(answer).then(
          (bytes) => resolve({ status: statusCode, type: headers['content-type'] ?? '', bytes }),
          reject,
        );
      });
    });
    outgoing.end(body);
    const { status, type, bytes } = await answered;
    if (to.destroyed) return;
    to.writeHead(status, { 'content-type': type, 'content-length': bytes.length });
    to.end(bytes);
  };

  const server = createServer(async (request, response) => {
    try {
      const path = request.url ?? '/';
      const body = await buffer(request);
      seen.push(path.replace(/^.*[/:](\w+)(\?.*)?$/, '$1'));
      const loss = lose(path, seen.length, body.toString());
      if (loss === 'silent') return;
      if (loss === 'unavailable') {
        const error = { code: 503, status: 'UNAVAILABLE', message: 'try later' };
        response.writeHead(503, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
        return;
      }
      if (loss === 'answer-lost') response.end = () => response.destroy();
      const { method, headers } = request;
      await forward(path, { headers, ...(method === undefined ? {} : { method }) }, body, response);
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
