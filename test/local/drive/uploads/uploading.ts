import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { DRIVE_SCOPE } from '../drive-api.ts';

export const KIB = 1024;
export const GRANULE = 256 * KIB;
export const MIB = 1024 * KIB;

export interface Sent {
  /** 0 when the connection ended without an answer. */
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
  body: any;
}

interface SentRequest {
  method?: string;
  headers?: Record<string, string | number>;
  body?: Buffer | string;
  /** Without a Content-Length. */
  chunked?: boolean;
  /** Sends only this many bytes of the body, then breaks the connection. */
  breakAfter?: number;
}

const NOTHING: Sent = { status: 0, headers: {}, text: '', body: undefined };

/** Sends one request exactly as given. */
export function send(
  url: string,
  { method = 'PUT', headers = {}, body = '', chunked, breakAfter }: SentRequest = {},
): Promise<Sent> {
  const bytes = Buffer.from(body);
  const length: Record<string, string | number> =
    chunked === true ? { 'transfer-encoding': 'chunked' } : { 'content-length': bytes.length };
  return new Promise((resolve) => {
    const outgoing = request(url, { method, headers: { ...length, ...headers }, agent: false }, (incoming) => {
      buffer(incoming).then(
        (answer) => {
          const text = answer.toString();
          const { statusCode: status = 0, headers: answered } = incoming;
          resolve({ status, headers: answered, text, body: text.startsWith('{') ? JSON.parse(text) : undefined });
        },
        () => resolve(NOTHING),
      );
    });
    outgoing.on('error', () => resolve(NOTHING));
    if (breakAfter === undefined) outgoing.end(bytes);
    else outgoing.write(bytes.subarray(0, breakAfter), () => setTimeout(() => outgoing.destroy(), 50));
  });
}

export const rangeOf = (first: number, body: Buffer | string, total: number | '*'): Record<string, string> => ({
  'content-range': `bytes ${first}-${first + Buffer.byteLength(body) - 1}/${total}`,
});

/** Bytes in which no two chunks are equal. */
export function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) % 2 ** 32, at);
  return bytes;
}

export const hex = (algorithm: string, bytes: Buffer | string): string =>
  createHash(algorithm).update(bytes).digest('hex');

/** Waits until an assertion holds. Throws its last error on timeout. */
export async function eventually(check: () => unknown): Promise<void> {
  for (let left = 200; ; left -= 1) {
    try {
      await check();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export interface Uploader {
  /** Sends a request below `/upload/drive/v3` with a token. */
  at(path: string, sent?: SentRequest): Promise<Sent>;
  /** Opens an upload session for a new file. @returns its URI */
  session(
    metadata?: Record<string, unknown>,
    headers?: Record<string, string | number>,
    query?: string,
  ): Promise<string>;
}

export function uploaderOf(google: LocalGoogle, email: string): Uploader {
  const token = google.world.accessToken(email, [DRIVE_SCOPE]);
  const at: Uploader['at'] = (path, { headers = {}, ...sent } = {}) =>
    send(`${google.origin}/www.googleapis.com${path}`, {
      method: 'POST',
      ...sent,
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
  return {
    at,
    session: async (metadata = { name: 'sent' }, headers = {}, query = '') => {
      const answer = await at(`/upload/drive/v3/files?uploadType=resumable&supportsAllDrives=true${query}`, {
        headers: { 'content-type': 'application/json; charset=UTF-8', ...headers },
        body: JSON.stringify(metadata),
      });
      if (answer.status !== 200) throw new Error(`No session: ${answer.status} ${answer.text}`);
      return answer.headers.location ?? '';
    },
  };
}

/** A local Google that keeps its files in a folder of its own, with a clock that the test sets, and one account on it. */
export interface UploadWorld {
  google: LocalGoogle;
  alice: Uploader;
  dataDir: string;
  /** Epoch milliseconds. */
  clock: { ms: number };
  /** The names of files on disk that belong to unfinished uploads. */
  leftovers(): string[];
  /** Starts the local Google again, on the same folder, after a test has closed it. */
  start(): Promise<LocalGoogle>;
  close(): Promise<void>;
}

export const startUploadWorld = async (): Promise<UploadWorld> => {
  const clock = { ms: Date.parse('2026-11-24T12:00:00Z') };
  const dataDir = mkdtempSync(join(tmpdir(), 'uploads-'));
  const start = () => startLocalGoogle({ dataDir, now: () => clock.ms });
  let google = await start();
  return {
    google,
    alice: uploaderOf(google, google.world.emails.alice),
    dataDir,
    clock,
    leftovers: () =>
      readdirSync(join(dataDir, 'drive', 'uploads'), { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name),
    async start() {
      google = await start();
      return google;
    },
    async close() {
      await google.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};

export const CHECKED_FIELDS = '&fields=id,name,mimeType,size,md5Checksum,sha1Checksum,sha256Checksum';

/** A simple upload: the body is the file, and there is no metadata. */
export const uploadSimply = (
  uploader: Uploader,
  sent: Parameters<Uploader['at']>[1],
  query = CHECKED_FIELDS,
): Promise<Sent> => uploader.at(`/upload/drive/v3/files?uploadType=media${query}`, sent);

export const reasonOf = ({ body }: Sent): string => body?.error?.errors?.[0]?.reason;
