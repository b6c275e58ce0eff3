import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from './config/config.ts';
import { createCourier } from './courier.ts';
import { createCutOff, createShutdown } from './http/request-context.ts';
import { createHttpServer } from './http/server/http-server.ts';
import { createNodeListener } from './http/server/node-listener.ts';
import { createLog } from './log.ts';
import { EXIT_CONFIG, orExitOnFaults } from './start.ts';
import type { TelemetrySdk } from './telemetry-sdk.ts';

/** The Cloud Run service: HTTP/1.1 and h2c on one port, bodies of any size, streamed. */

/** "Cloud Run sends a SIGTERM signal … and the container has 10 seconds" (run/docs/container-contract#instance-shutdown). */
const GRACE_MS = 8_000;
/** How long aborted requests have to send their 503 response. */
const ANSWER_MS = 1_000;
/** When the process ends at the latest, although Google has not answered what it sends at last. */
const END_MS = 9_500;

const config = orExitOnFaults(() => readConfig());
const log = createLog(config.logLevel);

/** Loads the SDK only if an endpoint is configured, because it takes longer to load than everything else. */
const startTelemetry = async (endpoint: string | undefined): Promise<TelemetrySdk | undefined> => {
  if (endpoint === undefined) return undefined;
  const { startTelemetrySdk } = await import('./telemetry-sdk.ts');
  return startTelemetrySdk({ endpoint });
};

const serve = async (): Promise<void> => {
  const telemetrySdk = await startTelemetry(config.otlpEndpoint);
  const { onCutOff, cutOff } = createCutOff();
  const shutdown = createShutdown();
  for (const warning of config.warnings) log.info({}, `configuration: ${warning}`);
  const courier = createCourier(config, { log, stopping: shutdown.isStopping });
  const listener = createNodeListener(courier.app, { cutOff: { onCutOff } });
  const http = createHttpServer(listener, { concurrentStreams: Math.max(100, 2 * config.limits.concurrentUploads) });

  const stop = async (signal: string): Promise<void> => {
    if (shutdown.isStopping()) return;
    shutdown.begin();
    const end = sleep(END_MS, true);
    log.info({ signal }, 'stopping: uploads in progress have a few seconds to finish');
    const answered = http.close();
    const late = await Promise.race([answered.then(() => false), sleep(GRACE_MS, true, { ref: false })]);
    if (late) {
      cutOff();
      await Promise.race([answered, sleep(ANSWER_MS, undefined, { ref: false })]);
    }
    http.destroy();
    const closed = Promise.all([courier.close(), telemetrySdk?.shutdown()]).then(() => false);
    if (await Promise.race([closed, end]))
      log.warn({}, 'stopped before Google has answered the last receipts and counts');
    log.info({}, late ? 'stopped; uploads that were in progress can be sent again' : 'stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));

  const port = await http.listen(config.port);
  log.info({ port }, `listening on port ${port}`);
  await courier.warmUp();
};

/** The log message for a failed start, with a specific message if the port cannot be used. */
const startFailure = (error: unknown): string => {
  const { code } = error as Partial<NodeJS.ErrnoException>;
  if (code === 'EADDRINUSE') return `port ${config.port} is already in use; stop the other process or set PORT`;
  if (code === 'EACCES') return `permission to listen on port ${config.port} is denied; set PORT to 1024 or higher`;
  return 'the service cannot start';
};

/**
 * `node server.js --check`: prints what the configuration means. It opens no port and sends no request. With `--online`, the
 * doctor's checks follow, which write nothing to Drive and run no query.
 */
const check = async (isOnline: boolean): Promise<void> => {
  const { explain } = await import('./config/explain.ts');
  console.log(explain(config, { isTriedNext: isOnline }));
  if (!isOnline) return;
  // The report contains what would be in the log.
  const courier = createCourier(config, { log: createLog('silent') });
  const { ok, text } = await courier.examine();
  console.log(`\n${text}`);
  await courier.close();
  process.exit(ok ? 0 : EXIT_CONFIG);
};

/** `node server.js --check --permissions`: prints what the courier's account needs in Google Cloud, for scripts. */
const printPermissions = async (): Promise<void> => {
  const { permissionLines } = await import('./config/permissions.ts');
  for (const line of permissionLines(config)) console.log(line);
};

const [argument, detail] = process.argv.slice(2);
if (argument === '--check') {
  const checked = detail === '--permissions' ? printPermissions() : check(detail === '--online');
  checked.catch((error: unknown) => {
    log.error({ error }, 'the check cannot be run');
    process.exit(1);
  });
} else {
  serve().catch((error: unknown) => {
    log.error({ error }, startFailure(error));
    process.exit(1);
  });
}
