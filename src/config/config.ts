import type { z } from 'zod';
import { document, ONCE } from './document.ts';
import { ConfigError, faultLines } from './faults.ts';
import { faultOfLimits, memoryLimitBytes } from './memory.ts';
import { settings } from './settings.ts';
import { readDocument } from './source.ts';
import type { Environment } from './variables.ts';
import { warningsOf } from './warnings.ts';

/** Everything the courier is told. */
export type Config = z.infer<typeof document> & {
  /** What can be used, but perhaps not as the operator thinks, one line each. */
  warnings: readonly string[];
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
  /** What this was built from, where the environment says so. */
  commit: string | undefined;
  /** The function that functions-framework serves, unless its command line names another. */
  functionTarget: string | undefined;
  /** Where metrics and traces go (OTLP over HTTP); undefined: nowhere, and nothing is loaded for it. */
  otlpEndpoint: string | undefined;
};

/**
 * Reads and checks the whole configuration. The only reader of the environment.
 * @param memoryBytes what the process may have, which the limits must fit
 * @throws {ConfigError} naming every fault at once.
 */
export const readConfig = (
  environment: Environment = process.env,
  memoryBytes: number = memoryLimitBytes(),
): Config => {
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const { value, faults, notes, fromEnvironment, hint } = readDocument(env);
  const parsed = value === undefined ? undefined : document.safeParse(value, ONCE);
  if (parsed?.error) faults.push(...faultLines(parsed.error, fromEnvironment));
  const limits = parsed?.data === undefined ? undefined : faultOfLimits(parsed.data.limits, memoryBytes);
  if (limits !== undefined) faults.push(`limits.bufferBytes: ${limits}`);
  const rest = settings.safeParse(env, ONCE);
  if (rest.error) faults.push(...faultLines(rest.error, false));
  if (faults.length > 0 || !parsed?.success || !rest.success) throw new ConfigError(faults, hint);
  const onCloudRun = rest.data.K_SERVICE !== undefined;
  return {
    ...parsed.data,
    warnings: [...notes, ...warningsOf(parsed.data, memoryBytes)],
    port: rest.data.PORT,
    logLevel: rest.data.LOG_LEVEL,
    googleOrigin: rest.data.COURIER_GOOGLE_ORIGIN,
    onCloudRun,
    service: rest.data.K_SERVICE,
    hasPlatformIdentity: onCloudRun && rest.data.GOOGLE_APPLICATION_CREDENTIALS === undefined,
    project: rest.data.GOOGLE_CLOUD_PROJECT,
    commit: rest.data.COURIER_COMMIT,
    functionTarget: rest.data.FUNCTION_TARGET,
    otlpEndpoint: rest.data.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
};
