import { type CourierProcess, startCourierProcess } from '../../local/courier-process.ts';
import type { LocalGoogle } from '../../local/google/server.ts';

/** What its ID tokens are made for. */
export const AUDIENCE = 'https://drive-courier.example';

export interface WorldOptions {
  /** The configuration, beside the audience. */
  config: Readonly<Record<string, unknown>>;
  /** Beside those that lead to the local Google. */
  env?: Readonly<Record<string, string>>;
  form?: 'service' | 'courier' | 'courierEvent';
  /** Another checkout's, to compare with. */
  entry?: string;
}

/** A real courier process whose Google is the local one, as a platform whose metadata server is the local one runs it. */
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
