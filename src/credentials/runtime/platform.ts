import { CourierError } from '../../errors.ts';
import type { GoogleTransport } from '../../google/transport.ts';
import { loadMetadataServer } from '../google-library.ts';

interface PlatformOptions {
  transport: Pick<GoogleTransport, 'fetch'>;
  /** Whether `K_SERVICE` is set. Cloud Run sets it, and so does Knative elsewhere. Without it, this is not Cloud Run. */
  hasServiceName: boolean;
  /** Epoch milliseconds. */
  now: () => number;
}

export interface Platform {
  /**
   * True on Cloud Run, according to its metadata server. @throws CourierError `google-unavailable` while the server does not
   * answer
   */
  isCloudRun(): Promise<boolean>;
}

/** `projects/PROJECT_NUMBER/regions/REGION` */
const REGION = /^projects\/\d+\/regions\/[a-z0-9-]+$/;

/** Present on virtual machines and GKE nodes, but not on Cloud Run instances. */
const MACHINE_KEYS = ['machine-type', 'attributes/cluster-name'] as const;

/** After a failure, the metadata server is not asked again for this long, however many requests need the answer. */
const PAUSE_MS = 5_000;

const isMissing = (error: unknown): boolean =>
  // Google's library throws a RangeError for a server that does not send "Metadata-Flavor: Google", which is not Google's.
  error instanceof RangeError || (error instanceof Error && 'status' in error && error.status === 404);

const look = async (transport: PlatformOptions['transport']): Promise<boolean> => {
  const server = await loadMetadataServer(transport);
  const readKey = async (key: string): Promise<string | undefined> => {
    try {
      return String(await server.instance(key));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  const [region = '', ...machine] = await Promise.all(['region', ...MACHINE_KEYS].map(readKey));
  return REGION.test(region) && machine.every((value) => value === undefined);
};

/**
 * Detects the platform. Knative on GKE or Compute Engine also has `K_SERVICE` and a metadata server. Only Cloud Run's server has the
 * region as "projects/PROJECT_NUMBER/regions/REGION"
 * (https://cloud.google.com/run/docs/container-contract#metadata-server), a key that Compute Engine does not have, and none of a
 * machine's keys (https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys). Google does not guarantee that this
 * stays so. In doubt the answer is false. A platform does not change, so a definite answer is kept.
 */
export const createPlatform = ({ transport, hasServiceName, now }: PlatformOptions): Platform => {
  let answer: Promise<boolean> | undefined = hasServiceName ? undefined : Promise.resolve(false);
  let failure: { atMs: number; error: CourierError } | undefined;

  const ask = async (): Promise<boolean> => {
    try {
      return await look(transport);
    } catch (cause) {
      answer = undefined;
      const error = new CourierError('google-unavailable', {
        detail: 'It is unknown whether this is Cloud Run, because the metadata server does not answer.',
        cause,
      });
      failure = { atMs: now(), error };
      throw error;
    }
  };

  return {
    isCloudRun() {
      if (answer === undefined && failure !== undefined && Math.abs(now() - failure.atMs) < PAUSE_MS) {
        return Promise.reject(failure.error);
      }
      answer ??= ask();
      return answer;
    },
  };
};
