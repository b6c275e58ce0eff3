import {
  type CourierProcess,
  type CourierProcessOptions,
  startCourierProcess,
} from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { Receipt } from '../../../src/domain.ts';

const AUDIENCE = 'https://drive-courier.example';

interface Sent {
  status: number;
  receipt: Receipt;
  /** The code of the problem, if it is one. */
  code: string | undefined;
  detail: string | undefined;
  retryAfter: string | null;
}

interface Sending {
  key?: string;
  query?: Readonly<Record<string, string>>;
  type?: string;
  headers?: Readonly<Record<string, string>>;
}

export interface CourierWorld {
  google: LocalGoogle;
  /** Another instance of the courier as a separate process. */
  start(options?: { ledger?: unknown; env?: Readonly<Record<string, string>> }): Promise<CourierProcess>;
  send(
    courier: Pick<CourierProcess, 'url'>,
    body: string | Uint8Array | ReadableStream,
    sending?: Sending,
  ): Promise<Sent>;
  /** Like `send`, but retries until the response is final, also when the process dies. */
  insist(couriers: () => Pick<CourierProcess, 'url'>, body: string | Uint8Array, sending?: Sending): Promise<Sent>;
  /** The file with all its fields, as Drive describes it to the courier's account. */
  described(fileId: string): Promise<Record<string, unknown>>;
  /** A person writes other bytes to a file, as a new version of it. */
  changeByHand(fileId: string, bytes: string): Promise<void>;
  close(): Promise<void>;
}

const MAX_WAIT_MS = 1_000;

/** A local Google in this process, and couriers that write to it with a key file. */
export const startCourierWorld = async (
  destinations: (google: LocalGoogle) => Readonly<Record<string, object>>,
): Promise<CourierWorld> => {
  const google = await startLocalGoogle();
  const { world } = google;
  const couriers: CourierProcess[] = [];

  const configOf = (ledger: unknown): object => ({
    audiences: [AUDIENCE],
    ledger,
    destinations: Object.fromEntries(
      Object.entries(destinations(google)).map(([name, destination]) => [
        name,
        { credentials: 'main', callers: [world.emails.exporter], ...destination },
      ]),
    ),
    credentials: { main: { file: world.keyFiles.courier } },
  });

  const token = world.idToken({ email: world.emails.exporter, audience: AUDIENCE });

  const send: CourierWorld['send'] = async ({ url }, body, { key, query = {}, type = 'text/plain', headers } = {}) => {
    const init = {
      method: 'POST',
      duplex: 'half',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': type,
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...headers,
      },
      body: body instanceof ReadableStream ? body : Buffer.from(body),
    };
    const response = await fetch(`${url}/v1/files?${new URLSearchParams(query)}`, init as RequestInit);
    const answer = (await response.json()) as Receipt & { code?: string; detail?: string };
    const { status } = response;
    const retryAfter = response.headers.get('retry-after');
    return { status, receipt: answer, code: answer.code, detail: answer.detail, retryAfter };
  };

  return {
    google,
    async start({ ledger = 'memory', env = {} } = {}) {
      const options: CourierProcessOptions = {
        env: {
          COURIER_CONFIG: JSON.stringify(configOf(ledger)),
          COURIER_GOOGLE_ORIGIN: google.origin,
          GCE_METADATA_HOST: google.metadataHost,
          GOOGLE_CLOUD_PROJECT: world.project.id,
          ...env,
        },
      };
      const courier = await startCourierProcess(options);
      couriers.push(courier);
      return courier;
    },
    send,
    async insist(courier, body, sending) {
      for (let turn = 0; turn < 100; turn++) {
        const sent = await send(courier(), body, sending).catch(() => undefined);
        const isPassing = sent === undefined || sent.status === 503 || sent.status === 429;
        if (!isPassing) return sent;
        const wait = sent === undefined ? 200 : Number(sent.retryAfter ?? 1) * 1_000;
        await new Promise((resolve) => setTimeout(resolve, Math.min(MAX_WAIT_MS, wait)));
      }
      throw new Error('not answered in a hundred tries');
    },
    async described(fileId) {
      const bearer = world.accessToken(world.emails.courier, ['https://www.googleapis.com/auth/drive']);
      const address = `/drive/v3/files/${fileId}?supportsAllDrives=true&fields=*`;
      const response = await fetch(`${google.origin}/www.googleapis.com${address}`, {
        headers: { authorization: `Bearer ${bearer}` },
      });
      if (!response.ok) throw new Error(`the file could not be read: ${response.status}`);
      return (await response.json()) as Record<string, unknown>;
    },
    async changeByHand(fileId, bytes) {
      const bearer = world.accessToken(world.emails.courier, ['https://www.googleapis.com/auth/drive']);
      const address = `/upload/drive/v3/files/${fileId}?uploadType=media&supportsAllDrives=true`;
      const { status } = await fetch(`${google.origin}/www.googleapis.com${address}`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'text/plain' },
        body: bytes,
      });
      if (status !== 200) throw new Error(`the file could not be changed: ${status}`);
    },
    async close() {
      await Promise.all(couriers.map((courier) => courier.kill()));
      await google.close();
    },
  };
};
