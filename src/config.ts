import type { z } from 'zod';
import { document, ONCE } from './config/document.ts';
import { ConfigError, faultLines } from './config/faults.ts';
import { settings } from './config/settings.ts';
import { readDocument } from './config/source.ts';
import type { Environment } from './config/variables.ts';

/** Everything the courier is told. */
export type Config = z.infer<typeof document> & {
  port: number;
  logLevel: z.infer<typeof settings>['LOG_LEVEL'];
  /** Replaces every Google host; development and tests only. */
  googleOrigin: string | undefined;
  /** True where the platform looks like Cloud Run (`K_SERVICE`). Who has to be sure asks its metadata server. */
  onCloudRun: boolean;
  /** What Cloud Run calls this service. */
  service: string | undefined;
  /** True where the courier's own identity surely is the platform's: on Cloud Run, unless a credentials file is named. */
  hasPlatformIdentity: boolean;
  project: string | undefined;
  /** The function that functions-framework serves, unless its command line names another. */
  functionTarget: string | undefined;
  /** Where metrics and traces go (OTLP over HTTP); undefined: nowhere, and nothing is loaded for it. */
  otlpEndpoint: string | undefined;
};

/**
 * Reads and checks the whole configuration. The only reader of the environment.
 * @throws {ConfigError} naming every fault at once.
 */
export const readConfig = (environment: Environment = process.env): Config => {
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const { value, faults, fromEnvironment, hint } = readDocument(env);
  const parsed = value === undefined ? undefined : document.safeParse(value, ONCE);
  if (parsed?.error) faults.push(...faultLines(parsed.error, fromEnvironment));
  const rest = settings.safeParse(env, ONCE);
  if (rest.error) faults.push(...faultLines(rest.error, false));
  if (faults.length > 0 || !parsed?.success || !rest.success) throw new ConfigError(faults, hint);
  const onCloudRun = rest.data.K_SERVICE !== undefined;
  return {
    ...parsed.data,
    port: rest.data.PORT,
    logLevel: rest.data.LOG_LEVEL,
    googleOrigin: rest.data.COURIER_GOOGLE_ORIGIN,
    onCloudRun,
    service: rest.data.K_SERVICE,
    hasPlatformIdentity: onCloudRun && rest.data.GOOGLE_APPLICATION_CREDENTIALS === undefined,
    project: rest.data.GOOGLE_CLOUD_PROJECT,
    functionTarget: rest.data.FUNCTION_TARGET,
    otlpEndpoint: rest.data.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
};
