import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CourierClient, type CourierClientOptions } from '../../../src/client/index.ts';
import type { createListening } from '../network/listening.ts';

/** A file that the courier was asked to store. */
interface Stored {
  path: string;
  sha256: string;
  key: string;
  size: number;
  onConflict: string | null;
}

type Refuse = (
  path: string,
  turn: number,
) => { status: number; code: string; headers?: Record<string, string> } | undefined;

/** A courier in memory that knows keys, for tests of what the client sends. It has no Drive and no rules for names. */
export const startTinyCourier = async (closers: ReturnType<typeof createListening>) => {
  const files = new Map<string, Stored>();
  const state = {
    /** Stored files by their key. */
    files,
    /** Deliveries that were asked for, including repeated ones. */
    requests: 0,
    most: 0,
    connections: 0,
    /** Called for each delivery before it is answered. */
    before: async (_path: string): Promise<void> => undefined,
    refuse: (() => undefined) as Refuse,
    defaultPath: '',
  };
  let active = 0;
  const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    return Buffer.concat(parts);
  };
  const problem = (response: ServerResponse, status: number, code: string, headers = {}): void => {
    const retryable = status >= 429 && status !== 502;
    const body = { code, title: code, remedy: 'A remedy.', retryable };
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers }).end(JSON.stringify(body));
  };
  const deliver = async (request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> => {
    const bytes = await bodyOf(request);
    const name = query.get('name') ?? '';
    const folder = query.get('path') ?? state.defaultPath;
    const path = folder === '' ? name : `${folder}/${name}`;
    state.requests += 1;
    const refusal = state.refuse(path, state.requests);
    await state.before(path);
    if (refusal !== undefined) {
      problem(response, refusal.status, refusal.code, refusal.headers);
      return;
    }
    const key = String(request.headers['idempotency-key']);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const outcome = files.has(key) ? 'replayed' : 'created';
    files.set(key, { path, sha256, key, size: bytes.length, onConflict: query.get('onConflict') });
    const receipt = {
      ...{ id: `id-${[...files.keys()].indexOf(key)}`, name, mimeType: 'text/plain', size: bytes.length, sha256 },
      ...{ md5: null, destination: 'default', path: folder, folderId: 'f', webViewLink: 'https://drive.example/i' },
      ...{ outcome, createdTime: '', modifiedTime: '', caller: 'c', idempotencyKey: key },
    };
    response.end(JSON.stringify(receipt));
  };
  const sockets = new Set<unknown>();
  const host = await closers.listen(async (request, response) => {
    sockets.add(request.socket);
    state.connections = sockets.size;
    active += 1;
    state.most = Math.max(state.most, active);
    const url = new URL(request.url ?? '', 'http://courier');
    try {
      if (url.pathname === '/v1/destinations') {
        response.end(JSON.stringify({ destinations: [{ name: 'default', path: state.defaultPath }] }));
      } else await deliver(request, response, url.searchParams);
    } finally {
      active -= 1;
    }
  });
  const url = `http://${host}`;
  return {
    ...{ url, state },
    paths: (): string[] => [...files.values()].map(({ path }) => path).toSorted(),
    client: (options: Partial<CourierClientOptions> = {}): CourierClient =>
      new CourierClient({
        url,
        identity: { idToken: async () => 'token' },
        retry: { attempts: 2, baseMs: 1 },
        ...options,
      }),
  };
};
