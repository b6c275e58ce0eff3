import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach } from '@jest/globals';
import { createDrive } from '../../../src/drive/create-drive.ts';
import { createBufferBudget } from '../../../src/drive/upload/buffer-budget.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import { createKeptLog } from '../kept-log.ts';

export interface Seen {
  line: string;
  query: Record<string, string>;
  body: unknown;
  token: string | undefined;
}

export type Answer = [status: number, body?: unknown] | ((response: ServerResponse, request: IncomingMessage) => void);

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const PREFIX = '/www.googleapis.com/drive/v3';

/** A server that sends the given responses in order, and a Drive client that calls it. */
export const startDrive = async (
  answers: Answer[],
  { now = () => 1_000, spend = async () => undefined }: { now?: () => number; spend?: () => Promise<void> } = {},
) => {
  const seen: Seen[] = [];
  const rejected: string[] = [];
  const paced = { slowDowns: 0 };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://drive');
    const body = await text(request);
    seen.push({
      line: `${request.method} ${url.pathname.replace(PREFIX, '')}`,
      query: Object.fromEntries(url.searchParams),
      body: body === '' ? undefined : JSON.parse(body),
      token: request.headers.authorization,
    });
    const answer = answers.shift() ?? [500];
    if (typeof answer === 'function') return answer(response, request);
    response.writeHead(answer[0], { 'content-type': 'application/json' }).end(answer[1] && JSON.stringify(answer[1]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const sleep = async (): Promise<void> => undefined;
  const log = createKeptLog();
  const transport = createTransport({ googleOrigin: `http://127.0.0.1:${port}`, sleep, log });
  const drive = createDrive({
    transport,
    auth: {
      token: async () => `token-${rejected.length + 1}`,
      rejected: (token) => rejected.push(token),
      account: () => 'courier@p.iam.gserviceaccount.com',
      rotated: () => undefined,
    },
    budget: createBufferBudget({ bytes: 1e7, maxWaiters: 1 }),
    pace: {
      spend,
      slowDown: () => {
        paced.slowDowns += 1;
      },
    },
    now,
    log,
  });
  closers.push(transport.close, () => {
    server.closeAllConnections();
    server.close();
  });
  return { drive, seen, rejected, paced, log };
};

export const refusal = (status: number, reason: string): Answer => [
  status,
  { error: { code: status, errors: [{ reason }] } },
];

export const FILE = {
  id: 'one',
  name: 'report',
  mimeType: 'text/csv',
  createdTime: '2026-11-24T12:00:00Z',
  modifiedTime: '2026-11-24T12:00:00Z',
};

export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(() => undefined).catch((error: unknown) => error);
