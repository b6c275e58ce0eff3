import { readdirSync, readlinkSync } from 'node:fs';
import type { CourierProcess } from '../../local/courier-process.ts';
import { waitUntil } from '../bad-days/bad-day.ts';

/** The resources of a process, inspected from outside while it is idle. */
export interface Holding {
  /** The heap size in bytes after a full garbage collection. */
  heap: number;
  /** The memory outside the heap in bytes: buffers. */
  external: number;
  /** The resident memory in bytes. */
  resident: number;
  /** Open files, pipes and sockets, as the kernel counts them. */
  descriptors: number;
  /** The sockets among them. */
  sockets: number;
  /** Socket objects that are still referenced, open or not. */
  socketObjects: number;
  /** Timers that are still referenced. */
  timers: number;
}

export interface Inspector {
  measure(): Promise<Holding>;
  close(): void;
}

interface Reply {
  id?: number;
  result?: Record<string, unknown>;
  error?: { message: string };
}

const SOCKET = "process.getBuiltinModule('node:net').Socket.prototype";
const TIMER =
  '(() => { const t = setTimeout(() => undefined, 0); clearTimeout(t); return Object.getPrototypeOf(t); })()';

/** Options that allow inspection of the courier and change nothing else. */
export const INSPECTED = ['--inspect=127.0.0.1:0'];

const openSocket = async (url: string): Promise<WebSocket> => {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error('the inspector does not answer')), { once: true });
  });
  return socket;
};

/** Node's inspector protocol (https://chromedevtools.github.io/devtools-protocol/v8/), on the port that the process printed. */
export const inspect = async ({ child, lines }: CourierProcess): Promise<Inspector> => {
  const printed = (): string | undefined =>
    lines.map((line) => /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(line)?.[0]).find(Boolean);
  await waitUntil(() => printed() !== undefined);
  const socket = await openSocket(printed() ?? '');
  const waiting = new Map<number, (reply: Reply) => void>();
  let last = 0;
  socket.addEventListener('message', ({ data }) => {
    const reply = JSON.parse(String(data)) as Reply;
    waiting.get(reply.id ?? 0)?.(reply);
    waiting.delete(reply.id ?? 0);
  });

  const ask = async (method: string, params: object = {}): Promise<Record<string, unknown>> => {
    const id = ++last;
    const reply = await new Promise<Reply>((resolve) => {
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result ?? {};
  };

  const evaluate = async (expression: string): Promise<Record<string, unknown>> =>
    (await ask('Runtime.evaluate', { expression })).result as Record<string, unknown>;

  /** The number of live objects of a kind. */
  const count = async (prototype: string): Promise<number> => {
    const objectGroup = 'soak';
    const { objectId } = await evaluate(prototype);
    const { objects } = await ask('Runtime.queryObjects', { prototypeObjectId: objectId, objectGroup });
    const found = await ask('Runtime.callFunctionOn', {
      objectId: (objects as { objectId: string }).objectId,
      functionDeclaration: 'function () { return this.length; }',
      returnByValue: true,
    });
    await ask('Runtime.releaseObjectGroup', { objectGroup });
    return Number((found.result as { value: number }).value);
  };

  const folder = `/proc/${child.pid}/fd`;
  const linkAt = (name: string): string => {
    try {
      return readlinkSync(`${folder}/${name}`);
    } catch {
      return ''; // Closed since it was listed.
    }
  };
  return {
    async measure() {
      const timers = await count(TIMER);
      const socketObjects = await count(SOCKET);
      await ask('HeapProfiler.collectGarbage');
      const memory = JSON.parse(
        String((await evaluate('JSON.stringify(process.memoryUsage())')).value),
      ) as NodeJS.MemoryUsage;
      const links = readdirSync(folder).map(linkAt);
      return {
        heap: memory.heapUsed,
        external: memory.external,
        resident: memory.rss,
        descriptors: links.length,
        sockets: links.filter((link) => link.startsWith('socket:')).length,
        socketObjects,
        timers,
      };
    },
    close: () => socket.close(),
  };
};
