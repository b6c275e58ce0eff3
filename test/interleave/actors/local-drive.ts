import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDriveService, type DriveService } from '../../../local/google/drive/service.ts';
import type { Grant } from '../../../local/google/google-service.ts';
import { seededRandom } from '../../../local/google/random.ts';
import { createSheetsService, type SheetsService } from '../../../local/google/sheets/service.ts';

/** A request to Drive or Sheets. */
interface DriveRequest {
  method: string;
  /** A URL in the form of Google's documentation, or a session URI of this Drive. */
  url: string;
  headers: Readonly<Record<string, string>>;
  body: readonly Uint8Array[];
}

export interface DriveAnswer {
  status: number;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

export const COURIER_TOKEN = 'token-of-the-courier';
export const PERSON_TOKEN = 'token-of-a-person';
export const COURIER = 'courier@local-project.iam.gserviceaccount.com';
export const PERSON = 'ops@example.com';
/** Whom new files are shared with, if the destination says so. */
export const AUDITOR = 'auditor@example.com';
/** The accounts of a destination that has several. Service accounts could not own files in My Drive. */
export const WRITERS = [
  { name: 'first', token: 'token-of-writer-1', email: 'writer-1@example.com' },
  { name: 'second', token: 'token-of-writer-2', email: 'writer-2@example.com' },
] as const;

/** The origin of this Drive's session URIs. Nothing listens there. */
const ORIGIN = 'http://drive.invalid';

const grantOf = (email: string, kind: Grant['kind']): Grant => ({
  email,
  kind,
  scopes: ['https://www.googleapis.com/auth/drive'],
  expiresAtMs: Number.MAX_SAFE_INTEGER,
  project: kind === 'user' ? 'drive.google.com' : 'local-project',
});

const GRANTS: Readonly<Record<string, Grant>> = {
  [COURIER_TOKEN]: grantOf(COURIER, 'serviceAccount'),
  [PERSON_TOKEN]: grantOf(PERSON, 'user'),
  ...Object.fromEntries(WRITERS.map(({ token, email }) => [token, grantOf(email, 'user')])),
};

/** A response that is captured instead of sent. */
const keepAnswer = (request: IncomingMessage): { response: ServerResponse; answered: Promise<DriveAnswer> } => {
  const response = new ServerResponse(request);
  const pieces: Buffer[] = [];
  let finish: (answer: DriveAnswer) => void;
  const answered = new Promise<DriveAnswer>((resolve) => {
    finish = resolve;
  });
  const keep = (chunk: unknown): void => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) pieces.push(Buffer.from(chunk as string));
  };
  response.writeHead = ((status: number, ...rest: unknown[]) => {
    response.statusCode = status;
    const headers = rest.find((part) => typeof part === 'object' && part !== null) ?? {};
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value as string);
    return response;
  }) as ServerResponse['writeHead'];
  response.write = ((chunk: unknown) => {
    keep(chunk);
    return true;
  }) as ServerResponse['write'];
  response.end = ((chunk?: unknown) => {
    keep(chunk);
    const headers = Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]);
    finish({ status: response.statusCode, headers: Object.fromEntries(headers), body: Buffer.concat(pieces) });
    response.emit('finish');
    return response;
  }) as ServerResponse['end'];
  return { response, answered };
};

/** A request as Node's HTTP server hands it over. */
export const requestOf = ({ method, headers, body }: Omit<DriveRequest, 'url'>, path: string): IncomingMessage => {
  const request = new IncomingMessage(new Socket());
  const length = body.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const hasBody = method !== 'GET' && method !== 'HEAD';
  request.method = method;
  request.url = path;
  request.headers = { ...headers, ...(hasBody ? { 'content-length': String(length) } : {}) };
  for (const piece of body) if (piece.byteLength > 0) request.push(Buffer.from(piece));
  request.complete = true;
  request.push(null);
  return request;
};

/** A memory file system where there is one: the files are temporary. */
const scratchRoot = (): string =>
  statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() ? '/dev/shm' : tmpdir();

export interface LocalDrive {
  service: DriveService;
  /** Its spreadsheets. */
  sheets: SheetsService;
  /** The shared drive in which all schedules run. */
  sharedDriveId: string;
  /**
   * Handles a request within this process, without a socket.
   * @param isCorrupted store one byte of an upload's body wrongly
   */
  handle(request: DriveRequest, isCorrupted?: boolean): Promise<DriveAnswer>;
  close(): void;
}

/** Generating a thousand ids for each process would take longer than the rest of a schedule. */
const fewIds = (url: URL): URL => {
  if (url.pathname.endsWith('/files/generateIds')) url.searchParams.set('count', '20');
  return url;
};

/** The Drive of the local Google, called directly instead of over sockets. */
export const openLocalDrive = (now: () => number): LocalDrive => {
  const dataDir = mkdtempSync(join(scratchRoot(), 'interleave-'));
  mkdirSync(join(dataDir, 'drive'));
  const discard = (): void => rmSync(dataDir, { recursive: true, force: true });
  process.once('exit', discard);
  let isCorrupting = false;
  const service = createDriveService(
    {
      now,
      random: seededRandom(1),
      origin: () => ORIGIN,
      dataDir: join(dataDir, 'drive'),
      tokens: { find: (token) => GRANTS[token] },
      isApiEnabled: () => true,
      isAllowedOnProject: () => true,
      corrupt(_, bytes) {
        if (!isCorrupting || bytes.length === 0) return bytes;
        isCorrupting = false;
        const corrupted = Buffer.from(bytes);
        corrupted[0] = (corrupted[0] ?? 0) ^ 1;
        return corrupted;
      },
    },
    { limits: { unitsPerMinutePerUser: Number.POSITIVE_INFINITY, unitsPerMinutePerProject: Number.POSITIVE_INFINITY } },
  );
  const sheets = createSheetsService(service.state, {
    tokens: { holderOf: (token) => GRANTS[token] },
    state: { apis: ['sheets.googleapis.com'] },
    project: { number: '1' },
  });
  const sharedDriveId = service.createSharedDrive({
    name: 'Reports',
    members: [
      { email: PERSON, role: 'organizer' },
      { email: COURIER, role: 'fileOrganizer' },
      ...WRITERS.map(({ email }) => ({ email, role: 'fileOrganizer' as const })),
    ],
  });

  return {
    service,
    sheets,
    sharedDriveId,
    async handle(asked, isCorrupted = false) {
      isCorrupting = isCorrupted;
      const url = fewIds(
        new URL(asked.url.startsWith(ORIGIN) ? asked.url.replace(`${ORIGIN}/`, 'https://') : asked.url),
      );
      const request = requestOf(asked, `${url.pathname}${url.search}`);
      const { response, answered } = keepAnswer(request);
      const call = { host: url.hostname, url, method: asked.method, request, response, origin: ORIGIN };
      const host = [service, sheets].find(({ hosts }) => hosts.includes(url.hostname));
      if (!(await host?.handle(call)))
        throw new Error(`the local Google does not know ${asked.method} ${url.pathname}`);
      return answered;
    },
    close() {
      service.close();
      process.off('exit', discard);
      discard();
    },
  };
};
