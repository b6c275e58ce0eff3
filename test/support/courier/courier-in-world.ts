import { type CourierProcess, startCourierProcess } from '../../../local/courier-process.ts';
import type { LocalGoogle } from '../../../local/google/server.ts';

/** The audience of its ID tokens. */
export const AUDIENCE = 'https://drive-courier.example';

export interface WorldOptions {
  /** The configuration in addition to the audience. */
  config: Readonly<Record<string, unknown>>;
  /** Variables in addition to those for the local Google. */
  env?: Readonly<Record<string, string>>;
  form?: 'service' | 'courier' | 'courierEvent';
  /** The entry point of another checkout, to compare with. */
  entry?: string;
}

/** A real courier process that uses the local Google, including its metadata server, as on a platform. */
export const startCourierIn = (
  google: LocalGoogle,
  { config, env = {}, form = 'service', entry }: WorldOptions,
): Promise<CourierProcess> =>
  startCourierProcess({
    form,
    ...(entry === undefined ? {} : { entry }),
    env: {
      COURIER_CONFIG: JSON.stringify({ audiences: [AUDIENCE], ...config }),
      COURIER_GOOGLE_ORIGIN: google.origin,
      GCE_METADATA_HOST: google.metadataHost,
      METADATA_SERVER_DETECTION: 'assume-present',
      LOG_LEVEL: 'trace',
      ...env,
    },
  });
