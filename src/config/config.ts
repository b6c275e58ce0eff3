import { z } from 'zod';
import { isLoopback } from '../text/urls/hosts.ts';
import { withoutTrailingSlashes } from '../text/urls/trailing-slashes.ts';
import { ConfigError, faultLines } from './faults.ts';
import { faultOfLimits, memoryLimitBytes } from './memory.ts';
import { document, PARSED_ONCE } from './schema/document.ts';
import { readDocument } from './source.ts';
import type { Environment } from './variables.ts';
import { warningsOf } from './warnings.ts';

/**
 * Settings of the process that are not in the document.
 * @internal for tests
 */
export const settings = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  COURIER_GOOGLE_ORIGIN: z
    .url()
    .refine((text) => URL.canParse(text) && isLoopback(new URL(text).hostname), 'must be a loopback address')
    .transform(withoutTrailingSlashes)
    .optional(),
  /** Set by Cloud Run, but also by Knative elsewhere: a hint, but no proof, that this is Cloud Run. */
  K_SERVICE: z.string().optional(),
  COURIER_COMMIT: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'is not a commit (up to 64 letters, digits, ".", "_", "-")')
    .optional(),
  GOOGLE_CLOUD_PROJECT: z.string().optional(),
  FUNCTION_TARGET: z.string().optional(),
  GOOGLE_APPLICATION_CREDENTIALS: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
});

/** The whole configuration: the document, and the settings of the process. */
export type Config = z.infer<typeof document> & {
  /** What is valid, but may not be what the operator intends, one line each. */
  warnings: readonly string[];
  port: number;
  logLevel: z.infer<typeof settings>['LOG_LEVEL'];
  /** Replaces every Google host; development and tests only. */
  googleOrigin: string | undefined;
  /** True if the platform looks like Cloud Run (`K_SERVICE`). Code that must be certain asks the metadata server. */
  onCloudRun: boolean;
  /** The name of this service in Cloud Run. */
  service: string | undefined;
  /** True if the courier's own identity is certainly the platform's: on Cloud Run, unless a credentials file is configured. */
  hasPlatformIdentity: boolean;
  project: string | undefined;
  /** The commit that this was built from, if the environment names it. */
  commit: string | undefined;
  /** The function that functions-framework serves, unless its command line specifies another. */
  functionTarget: string | undefined;
  /** Where metrics and traces are sent (OTLP over HTTP); undefined: nowhere, and no SDK is loaded. */
  otlpEndpoint: string | undefined;
};

/** Files with variables that an editor of Windows has saved leave a carriage return at the end of each value. */
const withoutLineEnds = (environment: Environment): Environment =>
  Object.fromEntries(
    Object.entries(environment)
      .map(([name, value]) => [name, value?.replace(/[\r\n]{1,2}$/, '')])
      .filter(([, value]) => value !== ''),
  );

/**
 * Reads and checks the whole configuration. The only reader of the environment.
 * @param memoryBytes the memory of the process, which the limits must fit into
 * @throws {ConfigError} with all faults.
 */
export const readConfig = (
  environment: Environment = process.env,
  memoryBytes: number = memoryLimitBytes(),
): Config => {
  const env = withoutLineEnds(environment);
  const { value, faults, notes, fromEnvironment, hint } = readDocument(env);
  const parsed = value === undefined ? undefined : document.safeParse(value, PARSED_ONCE);
  if (parsed?.error) faults.push(...faultLines(parsed.error, fromEnvironment));
  const limits = parsed?.data === undefined ? undefined : faultOfLimits(parsed.data.limits, memoryBytes);
  if (limits !== undefined) faults.push(`limits.bufferBytes: ${limits}`);
  const rest = settings.safeParse(env, PARSED_ONCE);
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
