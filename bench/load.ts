import { Agent, request as call } from 'node:http';

/** Requests of one kind with fixed concurrency: each is sent when another one has its response. */
export interface Load {
  url(turn: number): string;
  headers(turn: number): Readonly<Record<string, string>>;
  body: Uint8Array | ((turn: number) => Uint8Array);
  requests: number;
  concurrency: number;
  /** Default: any success status. */
  status?: number;
  /** The load whose connections are reused; by default there are new ones for this load. */
  agent?: Agent;
}

export interface LoadResult {
  /** The duration of each request in milliseconds, in the order of completion. */
  latenciesMs: number[];
  seconds: number;
}

const one = (agent: Agent, { url, headers, body, status: wanted }: Load, turn: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const bytes = typeof body === 'function' ? body(turn) : body;
    const startMs = performance.now();
    const request = call(url(turn), {
      method: 'POST',
      agent,
      headers: { ...headers(turn), 'content-length': bytes.byteLength },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0 } = response;
        if (wanted === undefined ? status >= 200 && status < 300 : status === wanted)
          resolve(performance.now() - startMs);
        else reject(new Error(`${status}: ${Buffer.concat(pieces).toString().slice(0, 300)}`));
      });
    });
    request.end(bytes);
  });

/** Connections that are kept alive. */
export const createAgent = (most: number): Agent => new Agent({ keepAlive: true, maxSockets: most });

/** Runs a complete load over kept-alive connections. @throws for the first response with another status */
export const runLoad = async (load: Load): Promise<LoadResult> => {
  const agent = load.agent ?? createAgent(load.concurrency);
  const latenciesMs: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < load.requests) latenciesMs.push(await one(agent, load, next++));
  };
  const startMs = performance.now();
  try {
    await Promise.all(Array.from({ length: load.concurrency }, worker));
  } finally {
    if (load.agent === undefined) agent.destroy();
  }
  return { latenciesMs, seconds: (performance.now() - startMs) / 1000 };
};

const PIECE = Buffer.alloc(1024 * 1024, 'drive-courier ');

/**
 * Sends this many bytes as one body, as fast as they are accepted.
 * @param piece what is repeated
 * @returns the seconds until the response, and the id of the file in it
 * @throws for a response other than 200 and 201
 */
export const sendBytes = (
  url: string,
  {
    bytes,
    headers,
    piece: repeated = PIECE,
  }: { bytes: number; headers: Readonly<Record<string, string>>; piece?: Buffer },
): Promise<{ seconds: number; fileId: string }> =>
  new Promise((resolve, reject) => {
    const startMs = performance.now();
    const request = call(url, { method: 'POST', headers: { ...headers, 'content-length': bytes }, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const seconds = (performance.now() - startMs) / 1000;
        const text = Buffer.concat(pieces).toString();
        if (response.statusCode === 200 || response.statusCode === 201) {
          resolve({ seconds, fileId: (JSON.parse(text) as { id: string }).id });
        } else reject(new Error(`${response.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    let left = bytes;
    const write = (): void => {
      while (left > 0) {
        const piece = left >= repeated.byteLength ? repeated : repeated.subarray(0, left);
        left -= piece.byteLength;
        if (!request.write(piece)) {
          request.once('drain', write);
          return;
        }
      }
      request.end();
    };
    write();
  });
