import { CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import { loadMetadataServer } from './access-token.ts';

interface PlatformOptions {
  transport: Pick<GoogleTransport, 'fetch'>;
  /** Whether `K_SERVICE` is set. Cloud Run sets it, and so does Knative wherever it runs: without it, this is no Cloud Run. */
  hasServiceName: boolean;
  /** Epoch milliseconds. */
  now: () => number;
}

export interface Platform {
  /** True on Cloud Run, by the word of its metadata server. @throws CourierError `google-unavailable` while that does not answer */
  isCloudRun(): Promise<boolean>;
}

/** `projects/PROJECT_NUMBER/regions/REGION` */
const REGION = /^projects\/\d+\/regions\/[a-z0-9-]+$/;

/** Set for every virtual machine, and for every node of GKE; Cloud Run's instances are neither. */
const MACHINE_KEYS = ['machine-type', 'attributes/cluster-name'] as const;

/** After a metadata server did not answer it is left alone for this long, however many requests want to know. */
const PAUSE_MS = 5_000;

const isMissing = (error: unknown): boolean =>
  // Whoever answers without "Metadata-Flavor: Google" (a RangeError of Google's library) is no metadata server of Google's.
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
 * Which platform this is. Knative on GKE or on machines of Compute Engine has `K_SERVICE` and a metadata server, too. What is
 * Cloud Run's alone: it tells its region as "projects/PROJECT_NUMBER/regions/REGION"
 * (https://cloud.google.com/run/docs/container-contract#metadata-server), a key that Compute Engine's list does not have, and has
 * none of the keys of a machine (https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys). Google promises neither
 * that the other servers will never have that key, nor that Cloud Run's will never have theirs: in doubt this is no Cloud Run.
 * A platform does not change, so a clear answer is kept.
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
        detail: 'Whether this is Cloud Run is not known: its metadata server does not answer.',
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
