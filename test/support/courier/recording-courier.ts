import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach } from '@jest/globals';
import { CourierClient } from '../../../src/client/index.ts';
import { runProgram } from '../../../src/client/program.ts';
import { createListening } from '../network/listening.ts';

const RECEIPT = {
  id: 'f',
  name: 'a',
  mimeType: 'text/csv',
  size: 1,
  sha256: null,
  md5: null,
  destination: 'd',
  path: '',
  folderId: 'g',
  webViewLink: 'https://drive.google.com/file/d/f/view',
  outcome: 'created',
  createdTime: '2026-11-24T12:00:00.000Z',
  modifiedTime: '2026-11-24T12:00:00.000Z',
  caller: 'c',
  idempotencyKey: null,
};

/** A request that arrived. */
interface Seen {
  target: string;
  headers: Readonly<Record<string, unknown>>;
  body: Buffer;
}

/**
 * A courier that records each request of the client and stores nothing. Call it at the top of a test file: it starts
 * before each test and closes after it.
 */
export const createRecordingCourier = () => {
  const folder = mkdtempSync(join(tmpdir(), 'courier-recording-'));
  const { listen, close } = createListening();
  const seen: Seen[] = [];
  /** The statuses of the next answers. Then each is 201. */
  const statuses: number[] = [];
  let url: string;
  let metadata: string;
  beforeEach(async () => {
    seen.length = 0;
    statuses.length = 0;
    const courier = await listen(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      seen.push({ target: request.url ?? '', headers: request.headers, body: Buffer.concat(parts) });
      const status = statuses.shift() ?? 201;
      const problem = { code: 'busy', title: 'Busy', remedy: 'Wait.', retryable: true };
      response.writeHead(status).end(JSON.stringify(status === 201 ? RECEIPT : problem));
    });
    metadata = await listen((_, response) => void response.end('token'));
    url = `http://${courier}`;
  });
  afterEach(close);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const client = () =>
    new CourierClient({
      url,
      identity: { idToken: async () => 'token' },
      retry: { sleep: async () => undefined },
    });

  let files = 0;
  /** A file with these bytes. */
  const written = (bytes: Uint8Array): string => {
    files += 1;
    const path = join(folder, `${files}.json`);
    writeFileSync(path, bytes);
    return path;
  };

  /** Runs the command line. */
  const run = async (args: readonly string[], stdin: readonly Uint8Array[] = []) => {
    const texts: string[] = [];
    const out = { write: (text: string | Uint8Array) => texts.push(String(text)) > 0 };
    const code = await runProgram(args, {
      env: { HOME: '/nonexistent', CLOUDSDK_CONFIG: '/nonexistent', COURIER_URL: url, GCE_METADATA_HOST: metadata },
      stdin: (async function* () {
        yield* stdin;
      })(),
      stdout: out,
      stderr: out,
      signal: new AbortController().signal,
      now: Date.now,
    });
    return { code, output: texts.join('') };
  };

  return { seen, statuses, client, written, run };
};
