import { createHash } from 'node:crypto';
import { type CourierProcess, startCourierProcess } from '../../../local/courier-process.ts';
import { pushMessage } from '../../../local/demo/push.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';

const AUDIENCE = 'https://drive-courier.example';

interface PushWorldOptions {
  subscription: string;
  /** Default: memory. */
  ledger?: unknown;
  limits?: Readonly<Record<string, number>>;
  /** The queries of the configuration. */
  queries?: Readonly<Record<string, object>>;
  env?: Readonly<Record<string, string>>;
  /** The data folder of the local Google; a new one by default. */
  google?: LocalGoogle;
}

/** A local Google, and a courier that accepts pushes of one subscription into a shared drive. */
export interface PushWorld {
  google: LocalGoogle;
  courier(): CourierProcess;
  /** Kills the current courier with SIGKILL and starts another one. */
  replaceCourier(): Promise<void>;
  /** An ID token of the subscription's service account. */
  token(): string;
  /**
   * Sends one push as Pub/Sub does. Returns the status, or 0 without a response. The trace id becomes the request id.
   */
  push(message: {
    data?: string | object;
    attributes?: Readonly<Record<string, string>>;
    id: string;
    traceId?: string;
  }): Promise<number>;
  filesNamed(name: string): ReturnType<LocalGoogle['drive']['files']>;
  /** Puts an object into the bucket. Returns its `gs://` URL with its generation, and its hash. */
  putObject(name: string, bytes: Buffer): Promise<{ url: string; sha256: string }>;
  close(): Promise<void>;
}

export const startPushWorld = async ({
  subscription,
  ledger = 'memory',
  limits = {},
  queries = {},
  env = {},
  ...given
}: PushWorldOptions): Promise<PushWorld> => {
  const google = given.google ?? (await startLocalGoogle());
  const { world, places } = google;
  const config = {
    audiences: [AUDIENCE],
    ledger,
    destinations: {
      reports: { folder: places.sharedDriveFolder, credentials: 'main', callers: [world.emails.exporter] },
      // A push may not write here, although its account may call.
      other: { folder: places.sharedDriveFolder, credentials: 'main', callers: [world.emails.pubsubPush] },
    },
    credentials: { main: { file: world.keyFiles.courier } },
    pubsub: {
      subscriptions: {
        [subscription]: {
          serviceAccount: world.emails.pubsubPush,
          destinations: ['reports'],
          sources: [`gs://${google.bucket}/`],
        },
      },
      deadLetterTopic: google.topic,
    },
    limits,
    queries,
  };
  const start = (): Promise<CourierProcess> =>
    startCourierProcess({
      env: {
        COURIER_CONFIG: JSON.stringify(config),
        COURIER_GOOGLE_ORIGIN: google.origin,
        GCE_METADATA_HOST: google.metadataHost,
        GOOGLE_CLOUD_PROJECT: world.project.id,
        ...env,
      },
    });
  let courier = await start();

  return {
    google,
    courier: () => courier,
    async replaceCourier() {
      await courier.kill();
      courier = await start();
    },
    token: () => world.idToken({ email: world.emails.pubsubPush, audience: AUDIENCE }),
    push({ data, id, attributes, traceId }) {
      const text = typeof data === 'object' ? JSON.stringify(data) : data;
      return pushMessage(google, {
        url: courier.url,
        audience: AUDIENCE,
        subscription,
        serviceAccount: world.emails.pubsubPush,
        ...(traceId === undefined ? {} : { traceId }),
        message: {
          messageId: id,
          ...(text === undefined ? {} : { data: Buffer.from(text).toString('base64') }),
          ...(attributes === undefined ? {} : { attributes }),
        },
      }).catch(() => 0);
    },
    filesNamed: (name) => google.drive.files().filter((file) => file.name === name),
    async putObject(name, bytes) {
      const { generation } = await google.storage.putObject(google.bucket, name, bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return { url: `gs://${google.bucket}/${name}#${generation}`, sha256 };
    },
    async close() {
      await courier.kill();
      if (given.google === undefined) await google.close();
    },
  };
};
