import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { freePort } from '../free-port.ts';
import { findEmulator, launchEmulator } from '../gcloud-emulator.ts';

/** A message to publish. */
interface EmulatedMessage {
  data?: string | Uint8Array;
  attributes?: Readonly<Record<string, string>>;
}

export interface PubsubEmulator {
  /** `http://127.0.0.1:PORT`: Pub/Sub's REST API. */
  url: string;
  /** Creates a topic and a push subscription. Returns the subscription's resource name. */
  subscribe(topic: string, subscription: string, pushEndpoint: string): Promise<string>;
  /** Returns the message IDs. */
  publish(topic: string, messages: readonly EmulatedMessage[]): Promise<string[]>;
  stop(): Promise<void>;
}

export const PROJECT = 'local-project';
const CALL_MS = 30_000;

const untilStarted = (child: ChildProcess, startMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the Pub/Sub emulator did not start in time')), startMs);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the Pub/Sub emulator exited with code ${code}`)));
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
    signal: AbortSignal.timeout(CALL_MS),
  });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
};

/** Starts Google's Pub/Sub emulator on a free port, or returns why this machine has none. @throws when it does not start in time */
export const startPubsubEmulator = async (startMs = 60_000): Promise<PubsubEmulator | { missing: string }> => {
  const found = await findEmulator('pubsub-emulator/bin/cloud-pubsub-emulator');
  if ('missing' in found) return found;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const base = `${url}/v1/projects/${PROJECT}`;
  const { child, stop } = launchEmulator(found.program, ['--host=127.0.0.1', `--port=${port}`]);
  try {
    await untilStarted(child, startMs);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
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
