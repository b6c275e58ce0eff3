import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** A message to publish. */
interface EmulatedMessage {
  data?: string | Uint8Array;
  attributes?: Readonly<Record<string, string>>;
}

export interface PubsubEmulator {
  /** A topic and a subscription that pushes what is published there; answers the subscription's name. */
  subscribe(topic: string, subscription: string, pushEndpoint: string): Promise<string>;
  /** Answers the messages' ids. */
  publish(topic: string, messages: readonly EmulatedMessage[]): Promise<string[]>;
  stop(): Promise<void>;
}

export const PROJECT = 'local-project';
const START_MS = 60_000;

/** Where gcloud has its Pub/Sub emulator, or why there is none. */
const findProgram = async (): Promise<{ program: string } | { missing: string }> => {
  const run = promisify(execFile);
  const root = await run('gcloud', ['info', '--format=value(installation.sdk_root)']).catch(() => undefined);
  if (root === undefined) return { missing: 'gcloud is not installed' };
  const program = join(root.stdout.trim(), 'platform', 'pubsub-emulator', 'bin', 'cloud-pubsub-emulator');
  if (!existsSync(program)) return { missing: 'gcloud has no component pubsub-emulator' };
  const java = await run('java', ['-version']).catch(() => undefined);
  return java === undefined ? { missing: 'java is not installed' } : { program };
};

/** The emulator takes no port 0, so one that is free a moment before. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const untilStarted = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the Pub/Sub emulator does not get ready')), START_MS);
    child.once('exit', (code) => reject(new Error(`the Pub/Sub emulator ended with ${code}`)));
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (!line.includes('Server started')) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });

const call = async (method: string, url: string, body: object): Promise<Record<string, unknown>> => {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
};

/** Google's own Pub/Sub emulator, started on a free port. Where it is not there, undefined, and loudly so. */
export const startPubsubEmulator = async (): Promise<PubsubEmulator | undefined> => {
  const found = await findProgram();
  if ('missing' in found) {
    console.warn(`SKIPPED: what needs Google's Pub/Sub emulator, because ${found.missing}.`);
    return undefined;
  }
  const port = await freePort();
  const base = `http://127.0.0.1:${port}/v1/projects/${PROJECT}`;
  // A shell script around java: both are one process group.
  const child = spawn(found.program, ['--host=127.0.0.1', `--port=${port}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const killGroup = (): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', killGroup);
  const stop = async (): Promise<void> => {
    process.removeListener('exit', killGroup);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    killGroup();
    await ended;
  };
  try {
    await untilStarted(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    async subscribe(topic, subscription, pushEndpoint) {
      const name = `projects/${PROJECT}/topics/${topic}`;
      await call('PUT', `${base}/topics/${topic}`, {});
      await call('PUT', `${base}/subscriptions/${subscription}`, {
        topic: name,
        ackDeadlineSeconds: 600,
        pushConfig: { pushEndpoint },
        retryPolicy: { minimumBackoff: '0.1s', maximumBackoff: '1s' },
      });
      return `projects/${PROJECT}/subscriptions/${subscription}`;
    },
    async publish(topic, messages) {
      const answer = await call('POST', `${base}/topics/${topic}:publish`, {
        messages: messages.map(({ data = '', attributes = {} }) => ({
          data: Buffer.from(data).toString('base64'),
          attributes,
        })),
      });
      return answer.messageIds as string[];
    },
    stop,
  };
};
