import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { text } from 'node:stream/consumers';
import { pushMessage } from '../../local/demo/push.ts';
import type { LocalGoogle } from '../../local/google/server.ts';
import { AUDIENCE, MEBIBYTE } from '../bad-days/bad-day.ts';

export const SUBSCRIPTION = 'projects/local-project/subscriptions/soak';

/** What a caller got for one operation: a status, an error code, or a violation. */
export interface OperationResult {
  status: number;
  code: string | undefined;
  /** The id of a file that is in Drive now and need not stay. */
  fileId?: string;
  /** The violation, if there is one. */
  wrong?: string;
}

/** One kind of operation. */
export interface Operation {
  /** The only code that it may be rejected with. */
  refused?: string;
  /** Codes that may occur instead of success. */
  mayBe?: readonly string[];
  run(turn: number): Promise<OperationResult>;
}

/**
 * What faults do to bytes that a caller sends directly to Drive. The courier detects it when the upload is completed.
 */
const CUT_OR_CORRUPTED = ['upload-incomplete', 'digest-mismatch'];

interface CallersOptions {
  google: LocalGoogle;
  url: string;
  random: () => number;
}

/** So few names and keys that the courier's caches are full before the measuring begins. */
const KEYS = 100;
const FOLDERS = 6;
const NAMES = 20;

interface Answer {
  code?: string;
  id?: string;
  sha256?: string;
}

const resultOf = (status: number, { code, id, sha256 }: Answer, expected?: string): OperationResult => ({
  status,
  code,
  ...(id === undefined ? {} : { fileId: id }),
  ...(expected === undefined || status >= 300 || sha256 === expected ? {} : { wrong: `${id} has other bytes` }),
});

/** All operations of callers, valid and invalid, by name. */
export const createCallers = async ({ google, url, random }: CallersOptions) => {
  const { world } = google;
  const sizes = [0, 1, 900, 40_000, MEBIBYTE, 6 * MEBIBYTE];
  const bodies = sizes.map((size) => randomBytes(size));
  const hashes = bodies.map((bytes) => hash('sha256', bytes));
  const object = 'rows, as they were\n'.repeat(1_000);
  await google.storage.putObject(google.bucket, 'soak/object.txt', object);

  const tokenOf = (email: string): string => world.idToken({ email, audience: AUDIENCE });
  let tokens = { atMs: 0, caller: '', operator: '' };
  /** Callers reuse a token for a while, as real ones do. */
  const token = (who: 'caller' | 'operator' = 'caller'): string => {
    if (Date.now() - tokens.atMs > 60_000) {
      tokens = { atMs: Date.now(), caller: tokenOf(world.emails.exporter), operator: tokenOf(world.emails.ops) };
    }
    return tokens[who];
  };
  const pick = (count: number): number => Math.floor(random() * count);

  const ask = async (path: string, init: RequestInit = {}, expected?: string): Promise<OperationResult> => {
    const headers = { authorization: `Bearer ${token()}`, ...(init.headers as Record<string, string>) };
    const response = await fetch(`${url}${path}`, { ...init, headers, duplex: 'half' } as RequestInit);
    const answer = response.status === 204 ? {} : ((await response.json()) as Answer);
    return resultOf(response.status, answer, expected);
  };
  const post = (
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
    expected?: string,
  ): Promise<OperationResult> =>
    ask(path, { method: 'POST', body: body as NonNullable<RequestInit['body']>, headers }, expected);
  const postJson = (path: string, value: unknown, expected?: string): Promise<OperationResult> =>
    post(path, JSON.stringify(value), { 'content-type': 'application/json' }, expected);
  /** The file is kept, because its name or key is used again. */
  const kept = async (result: Promise<OperationResult>): Promise<OperationResult> => {
    const { fileId: _, ...rest } = await result;
    return rest;
  };
  const bytes = (most = sizes.length): { body: Buffer; sha256: string } => {
    const at = pick(most);
    return { body: bodies[at] ?? Buffer.alloc(0), sha256: hashes[at] ?? '' };
  };

  let session: ClientHttp2Session | undefined;
  const overHttp2 = async (): Promise<OperationResult> => {
    if (session === undefined || session.closed || session.destroyed) {
      // Node's client counts the data that it has queued, and above ten megabytes (its default) it resets its own
      // streams.
      session = connect(url, { maxSessionMemory: 1_000 });
      session.on('error', () => undefined);
    }
    const { body, sha256 } = bytes();
    const stream = session.request({
      ':method': 'POST',
      ':path': '/v1/files?name=over-http2',
      authorization: `Bearer ${token()}`,
    });
    stream.end(body);
    const [headers] = await once(stream, 'response');
    return resultOf(Number(headers[':status']), JSON.parse(await text(stream)) as Answer, sha256);
  };

  const session308 = async (turn: number): Promise<OperationResult> => {
    const body = bodies[4] ?? Buffer.alloc(0);
    const headers = {
      'content-type': 'application/json',
      // Most of them use a repeated key, which returns the same session and receipt.
      ...(turn % 5 === 0 ? {} : { 'idempotency-key': `session-${pick(KEYS)}` }),
    };
    const order = { destination: 'reports', name: 'by-session', mimeType: 'text/plain', size: body.length };
    const authorization = `Bearer ${token()}`;
    const opened = await fetch(`${url}/v1/uploads`, {
      method: 'POST',
      headers: { ...headers, authorization },
      body: JSON.stringify(order),
    });
    const answer = (await opened.json()) as Answer & { uploadUrl?: string };
    if (opened.status !== 201 || answer.uploadUrl === undefined) return resultOf(opened.status, answer);
    const put = await fetch(answer.uploadUrl, { method: 'PUT', body: new Uint8Array(body) }).catch(() => undefined);
    await put?.arrayBuffer().catch(() => undefined);
    return kept(postJson(`/v1/uploads/${answer.id}/complete`, { sha256: hashes[4] }, hashes[4]));
  };

  const cutShort = async (): Promise<OperationResult> => {
    const controller = new AbortController();
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      yield randomBytes(300_000);
      setTimeout(() => controller.abort(), 20);
      await new Promise((resolve) => controller.signal.addEventListener('abort', resolve));
    };
    const init = { method: 'POST', body: ReadableStream.from(pieces()), signal: controller.signal };
    return ask('/v1/files?name=cut-short', init as RequestInit).then(
      () => ({ status: 0, code: undefined, wrong: 'half a body was taken' }),
      () => ({ status: 0, code: 'gone' }),
    );
  };

  const form = (): { body: FormData; sha256: string } => {
    const { body, sha256 } = bytes();
    const data = new FormData();
    data.set('name', 'by-form');
    data.set('file', new Blob([new Uint8Array(body)]), 'x.bin');
    return { body: data, sha256 };
  };
  const form1 = (): Promise<OperationResult> => {
    const { body, sha256 } = form();
    return post('/v1/files', body, {}, sha256);
  };

  const exportOf = (source: object, expected: string): Promise<OperationResult> =>
    postJson('/v1/exports', { name: 'export.txt', source }, expected);

  const operations: Record<string, Operation> = {
    'files, raw': {
      run() {
        const { body, sha256 } = bytes();
        return post(`/v1/files?name=raw&path=soak/${pick(FOLDERS)}`, body, {}, sha256);
      },
    },
    'files, streamed': {
      run() {
        const { body, sha256 } = bytes();
        return post('/v1/files?name=streamed', ReadableStream.from([body]), {}, sha256);
      },
    },
    'files, form': { run: form1 },
    'files, h2c': { run: overHttp2 },
    'files, with a key': {
      run() {
        const key = pick(KEYS);
        const body = `the bytes of key ${key}`;
        return kept(
          post(`/v1/files?name=keyed-${key}`, body, { 'idempotency-key': `file-${key}` }, hash('sha256', body)),
        );
      },
    },
    'files, replaced': {
      run() {
        const { body } = bytes(4);
        return kept(post(`/v1/files?name=replaced-${pick(NAMES)}&onConflict=replace`, body));
      },
    },
    'files, converted': {
      run: () => post('/v1/files?name=sheet&convertTo=sheet', 'a,b\n1,2\n', { 'content-type': 'text/csv' }),
    },
    'exports, text': { run: (turn) => exportOf({ text: `export ${turn}` }, hash('sha256', `export ${turn}`)) },
    'exports, base64': { run: () => exportOf({ base64: 'eA==' }, hash('sha256', 'x')) },
    'exports, json': { run: (turn) => exportOf({ json: { turn } }, hash('sha256', `{\n  "turn": ${turn}\n}\n`)) },
    'exports, rows': { run: (turn) => exportOf({ rows: [{ turn }] }, hash('sha256', `turn\r\n${turn}\r\n`)) },
    'exports, gcs': { run: () => exportOf({ gcs: `gs://${google.bucket}/soak/object.txt` }, hash('sha256', object)) },
    'uploads, opened and completed': { run: session308, mayBe: CUT_OR_CORRUPTED },
    'push, delivered': {
      async run() {
        const key = pick(KEYS);
        const data = JSON.stringify({ name: 'pushed', idempotencyKey: `push-${key}`, source: { text: `push ${key}` } });
        return { status: await push(`m-${key}`, data), code: undefined };
      },
    },
    'push, wrong': { run: async () => ({ status: await push('m-wrong', '{"nonsense":1}'), code: undefined }) },
    destinations: { run: () => ask('/v1/destinations') },
    doctor: { run: () => ask('/v1/doctor', { headers: { authorization: `Bearer ${token('operator')}` } }) },
    health: { run: () => ask('/v1/health') },
    'openapi.json': { run: () => ask('/openapi.json') },
    'error: no token': { refused: 'token-missing', run: () => post('/v1/files?name=a', 'x', { authorization: '' }) },
    'error: forged token': {
      refused: 'token-invalid',
      run: (turn) =>
        post('/v1/files?name=a', 'x', {
          authorization: `Bearer ${token().slice(0, -12)}${String(turn).padStart(12, 'A')}`,
        }),
    },
    'error: name': { refused: 'name-invalid', run: () => post('/v1/files?name=a%2Fb', 'x') },
    'error: destination': { refused: 'destination-forbidden', run: () => post('/v1/files?name=a&destination=x', 'x') },
    'error: digest': {
      refused: 'digest-mismatch',
      run: () => post('/v1/files?name=a', 'x', { 'content-digest': `sha-256=:${'A'.repeat(43)}=:` }),
    },
    'error: no JSON': {
      refused: 'request-invalid',
      run: () => post('/v1/exports', '{"name":', { 'content-type': 'application/json' }),
    },
    'error: no such route': { refused: 'not-found', run: () => ask('/v2/files') },
    'error: method': { refused: 'method-not-allowed', run: () => ask('/v1/files') },
    'error: cut short': { refused: 'gone', run: cutShort },
  };

  function push(messageId: string, data: string): Promise<number> {
    return pushMessage(google, {
      url,
      audience: AUDIENCE,
      subscription: SUBSCRIPTION,
      serviceAccount: world.emails.pubsubPush,
      message: { messageId, data: Buffer.from(data).toString('base64') },
    });
  }

  return {
    operations,
    close: () => session?.close(),
  };
};
