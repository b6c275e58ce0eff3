import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** The fault of one request. Each one is described in Google's guides. */
export type Fault =
  | 'unavailable'
  | 'rate-limited'
  | 'reset-before'
  | 'reset-midway'
  | 'answer-lost'
  | 'part-stored'
  | 'nothing-stored'
  | 'session-forgotten'
  | 'byte-corrupted'
  /** The request succeeds, but the response reports something else. */
  | ((reply: Reply) => Reply);

interface StoredFile {
  id: string;
  name: string;
  mimeType: string;
  parents: string[];
  appProperties: Record<string, string>;
  revisions: Buffer[];
  trashed?: boolean;
}

interface Session {
  fileId: string | undefined;
  metadata: Partial<StoredFile>;
  pieces: Buffer[];
  stored: number;
  finishedId?: string;
}

export interface TinyRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  /** The announced size of the body. */
  bytes: number;
}

export interface TinyDrive {
  origin: string;
  files: Map<string, StoredFile>;
  sessions: Map<string, Session>;
  requests: TinyRequest[];
  close(): Promise<void>;
}

export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

interface Call {
  method: string;
  headers: IncomingMessage['headers'];
  url: URL;
  bytes: Buffer;
  wrong: Fault | undefined;
}

const hashOf = (algorithm: 'sha256' | 'md5', bytes: Buffer): string =>
  createHash(algorithm).update(bytes).digest('hex');

const describe = ({ id, name, mimeType, parents, appProperties, revisions, trashed = false }: StoredFile): object => {
  const bytes = revisions.at(-1) ?? Buffer.alloc(0);
  const time = '2026-11-24T12:00:00.000Z';
  return {
    ...{ id, name, mimeType, parents, appProperties, webViewLink: `https://drive.google.com/file/d/${id}/view` },
    ...{ createdTime: time, modifiedTime: time, trashed, headRevisionId: String(revisions.length) },
    ...{ size: String(bytes.length), sha256Checksum: hashOf('sha256', bytes) },
  };
};

export const refusal = (status: number, reason: string): Reply => ({
  status,
  body: { error: { code: status, message: reason, errors: [{ domain: 'global', reason, message: reason }] } },
});

/** The metadata and the bytes of a multipart/related body with one boundary. */
const parseMultipart = (body: Buffer, contentType = ''): { metadata: Partial<StoredFile>; bytes: Buffer } => {
  const boundary = /boundary=(.+)$/.exec(contentType)?.[1] ?? '';
  const jsonStart = body.indexOf('\r\n\r\n') + 4;
  const jsonEnd = body.indexOf(`\r\n--${boundary}`, jsonStart);
  const start = body.indexOf('\r\n\r\n', jsonEnd) + 4;
  const end = body.lastIndexOf(`\r\n--${boundary}--`);
  return { metadata: JSON.parse(body.subarray(jsonStart, jsonEnd).toString()), bytes: body.subarray(start, end) };
};

const corrupted = (bytes: Buffer, wrong: Fault | undefined): Buffer => {
  if (wrong !== 'byte-corrupted' || bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
};

/** How much of a chunk is kept. */
const keptOf = (length: number, wrong: Fault | undefined): number => {
  if (wrong === 'nothing-stored') return 0;
  return wrong === 'part-stored' ? Math.floor(length / 2) : length;
};

const createStore = (granularity: number) => {
  const files = new Map<string, StoredFile>();
  const sessions = new Map<string, Session>();
  let ids = 0;

  const described = (id: string): Reply => {
    const file = files.get(id);
    return file === undefined ? refusal(404, 'notFound') : { status: 200, body: describe(file) };
  };

  /** Creates or updates a file. Returns its id, or undefined if the id of a new one exists. */
  const store = (fileId: string | undefined, metadata: Partial<StoredFile>, bytes: Buffer): string | undefined => {
    if (fileId !== undefined) {
      files.get(fileId)?.revisions.push(bytes);
      return fileId;
    }
    const { id = `made-${++ids}`, name = '', mimeType = '', parents = [], appProperties = {} } = metadata;
    if (files.has(id)) return undefined;
    files.set(id, { id, name, mimeType, parents, appProperties, revisions: [bytes] });
    return id;
  };

  const finish = (session: Session): Reply => {
    const made = store(session.fileId, session.metadata, Buffer.concat(session.pieces));
    if (made === undefined) return refusal(409, 'fileIdInUse');
    session.finishedId = made;
    return described(made);
  };

  const put = (session: Session | undefined, { headers, bytes, wrong }: Call): Reply => {
    if (session === undefined) return refusal(404, 'notFound');
    if (session.finishedId !== undefined) return described(session.finishedId);
    const range = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
    if (range === null) return refusal(400, 'badRequest');
    const total = range[3] === '*' ? undefined : Number(range[3]);
    if (range[1] !== undefined) {
      const [from, to] = [Number(range[1]), Number(range[2]) + 1];
      const fits = from === session.stored && to - from === bytes.length;
      if (!fits || (total !== to && bytes.length % granularity !== 0)) return refusal(400, 'badRequest');
      const kept = keptOf(bytes.length, wrong);
      session.pieces.push(corrupted(bytes.subarray(0, kept), wrong));
      session.stored += kept;
    }
    if (session.stored === total) return finish(session);
    return { status: 308, headers: session.stored > 0 ? { range: `bytes=0-${session.stored - 1}` } : {} };
  };

  const atSession = (id: string, call: Call): Reply => {
    if (call.wrong === 'session-forgotten') sessions.delete(id);
    if (call.method === 'PUT') return put(sessions.get(id), call);
    return sessions.delete(id) ? { status: 499 } : refusal(404, 'notFound');
  };

  const upload = (fileId: string | undefined, { headers, url, bytes, wrong }: Call): Reply => {
    const isMultipart = url.searchParams.get('uploadType') === 'multipart';
    const parsed = isMultipart
      ? parseMultipart(bytes, headers['content-type'])
      : { metadata: JSON.parse(bytes.toString()) as Partial<StoredFile>, bytes };
    if (parsed.metadata.parents?.includes('gone')) return refusal(404, 'notFound');
    if (fileId === undefined && files.has(parsed.metadata.id ?? '')) return refusal(409, 'fileIdInUse');
    if (isMultipart) return described(store(fileId, parsed.metadata, corrupted(parsed.bytes, wrong)) ?? '');
    const id = randomUUID();
    sessions.set(id, { fileId, metadata: parsed.metadata, pieces: [], stored: 0 });
    return { status: 200, headers: { location: `http://${headers.host}/session/${id}?upload_id=${id}` } };
  };

  const remove = (fileId: string, path: string): Reply => {
    const revision = /\/revisions\/(\d+)$/.exec(path)?.[1];
    if (revision === undefined) files.delete(fileId);
    else files.get(fileId)?.revisions.splice(Number(revision) - 1, 1);
    return { status: 204 };
  };

  const revisionsOf = (fileId: string): Reply => ({
    status: 200,
    body: {
      revisions: (files.get(fileId)?.revisions ?? []).map((bytes, index) => ({
        id: String(index + 1),
        md5Checksum: hashOf('md5', bytes),
      })),
    },
  });

  const change = (fileId: string, { bytes }: Call): Reply => {
    const file = files.get(fileId);
    if (file !== undefined) Object.assign(file, JSON.parse(bytes.toString()));
    return described(fileId);
  };

  const handle = (call: Call): Reply => {
    const { method, url } = call;
    const sessionId = /^\/session\/(.+)$/.exec(url.pathname)?.[1];
    if (sessionId !== undefined) return atSession(sessionId, call);
    const fileId = /\/drive\/v3\/files\/([^/]+)/.exec(url.pathname)?.[1];
    if (fileId === 'generateIds') {
      const count = Number(url.searchParams.get('count'));
      return { status: 200, body: { ids: Array.from({ length: count }, () => `id-${++ids}`) } };
    }
    if (fileId !== undefined && !files.has(fileId)) return refusal(404, 'notFound');
    if (url.pathname.includes('/upload/')) return upload(fileId, call);
    if (fileId !== undefined && method === 'DELETE') return remove(fileId, url.pathname);
    if (fileId !== undefined && method === 'PATCH') return change(fileId, call);
    if (fileId !== undefined && url.pathname.endsWith('/revisions')) return revisionsOf(fileId);
    return fileId !== undefined && method === 'GET' ? described(fileId) : refusal(501, 'notImplemented');
  };

  return { files, sessions, handle };
};

const send = (response: ServerResponse, { status, body, headers = {} }: Reply): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
};

/**
 * A minimal Drive in memory, on a real socket: for the upload protocol at granularities that the real one does not
 * offer, and for arbitrary faults. It is as strict as the guide: mismatched ranges are rejected. Every folder exists
 * except the one with the id `gone`.
 */
export const startTinyDrive = async ({
  granularity,
  fault = () => undefined,
}: {
  granularity: number;
  /** Called once for each request. */
  fault?: (request: TinyRequest) => Fault | undefined;
}): Promise<TinyDrive> => {
  const { files, sessions, handle } = createStore(granularity);
  const requests: TinyRequest[] = [];

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', headers, socket } = request;
    const url = new URL(request.url ?? '/', 'http://tiny');
    const note = { method, path: url.pathname, headers, bytes: Number(headers['content-length'] ?? 0) };
    requests.push(note);
    const wrong = fault(note);
    const cut = (): void => void socket.destroy();
    if (wrong === 'reset-before') return cut();
    if (wrong === 'reset-midway') {
      request.once('data', cut).once('end', cut);
      return;
    }
    const bytes = await buffer(request);
    if (wrong === 'unavailable') return send(response, refusal(503, 'backendError'));
    if (wrong === 'rate-limited') return send(response, refusal(403, 'userRateLimitExceeded'));
    const reply = handle({ method, headers, url, bytes, wrong });
    if (wrong === 'answer-lost') return cut();
    send(response, typeof wrong === 'function' ? wrong(reply) : reply);
  };

  const server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    files,
    sessions,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
