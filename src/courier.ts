import packageJson from '../package.json' with { type: 'json' };
import type { Config } from './config/config.ts';
import { createPlatform } from './credentials/runtime/platform.ts';
import { createRuntimeIdentity } from './credentials/runtime/runtime-identity.ts';
import { createRuntimeProject } from './credentials/runtime/runtime-project.ts';
import { createDeliver } from './deliver.ts';
import { createCompleteUpload } from './upload-sessions/complete.ts';
import { createOpenUpload } from './upload-sessions/open.ts';
import type { DoctorDependencies } from './doctor/dependencies.ts';
import { createBufferBudget, defaultBufferBytes } from './drive/upload/buffer-budget.ts';
import { type CourierApp, createApp } from './http/app.ts';
import { createDeadLetters } from './pubsub/dead-letter.ts';
import { createEventHandler } from './pubsub/events.ts';
import type { DestinationSummary, HttpDependencies } from './http/dependencies.ts';
import { createTransport } from './google/create-transport.ts';
import { createAuthenticator } from './identity/authenticate.ts';
import { createPolicy } from './identity/policy.ts';
import { createPushPolicy } from './identity/push.ts';
import { createFirestoreLedger, type FirestoreLedgerOptions } from './ledger/firestore.ts';
import type { Ledger } from './ledger/ledger.ts';
import { createMemoryLedger } from './ledger/memory.ts';
import type { Log } from './log.ts';
import { createAllow, createDestinations, type DestinationWithAuth, openAccount } from './destinations.ts';
import { openObject } from './exports/sources/cloud-storage.ts';
import { createSourceAccess } from './exports/source-access.ts';
import { createAuthorize } from './delivery/authorize.ts';
import { createTelemetry, type Telemetry } from './telemetry.ts';

/** Uploads that may wait for a buffer, for each one that may be under way; more are answered `busy`. */
const WAITERS_AN_UPLOAD = 1;

export interface CourierOptions {
  /** Largest body that this form of the courier takes, in bytes; undefined: no limit. */
  maxBodyBytes?: number | undefined;
  log: Log;
  /** Epoch milliseconds. */
  now?: () => number;
  /** True once the server has been told to end. */
  stopping?: () => boolean;
  /** Default: OpenTelemetry's API, if an SDK was started before. */
  telemetry?: Telemetry;
}

export interface Courier {
  app: CourierApp;
  /** Does the work that a CloudEvent brings; throws what is to come again. */
  onEvent: ReturnType<typeof createEventHandler>;
  /** Fetches what the first delivery will need, all at once: Google's keys, the secrets, access tokens, ids of files. Failures are logged, not thrown. */
  warmUp(): Promise<void>;
  close(): Promise<void>;
}

const openLedger = ({ ledger }: Pick<Config, 'ledger'>, means: Omit<FirestoreLedgerOptions, 'config'>): Ledger => {
  if (ledger !== 'memory') return createFirestoreLedger({ config: ledger.firestore, ...means });
  means.log.warn(
    {},
    'ledger: memory remembers keys for this instance alone, until it ends; use firestore for more than one',
  );
  return createMemoryLedger({ now: means.now });
};

const summaryOf = ({
  name,
  config: { path, onConflict, convertTo, maxBytes },
}: DestinationWithAuth): DestinationSummary => ({
  name,
  path,
  onConflict,
  convertTo,
  maxBytes,
});

/** Everything put together: from the configuration to what answers requests and events. */
export const createCourier = (config: Config, options: CourierOptions): Courier => {
  const { log, now = Date.now, stopping = () => false, maxBodyBytes, telemetry = createTelemetry() } = options;
  const { limits, googleOrigin, pubsub } = config;
  const userProject = config.userProject ?? undefined;
  const transport = createTransport({ googleOrigin, now, log, observe: telemetry?.call });
  const runtime = createRuntimeIdentity({ transport, isPlatforms: config.hasPlatformIdentity, now });
  const platform = createPlatform({ transport, hasServiceName: config.onCloudRun, now });
  const findProject = createRuntimeProject({ transport, isPlatforms: config.hasPlatformIdentity });
  let project = config.project;
  const { fetch } = transport;
  const { token, rejected } = runtime;
  const bearer = { token, rejected };
  const ledger = openLedger(config, {
    project: async () => project ?? findProject(),
    fetch,
    ...bearer,
    now,
    log,
  });
  const budget = createBufferBudget({
    bytes: limits.bufferBytes ?? defaultBufferBytes(),
    maxWaiters: limits.concurrentUploads * WAITERS_AN_UPLOAD,
    now,
  });
  telemetry?.watchBudget(budget.gauges);

  const authenticator = createAuthenticator(config, { fetch, now, log, isCloudRun: platform.isCloudRun });
  const policy = createPolicy(config);
  const destinations = createDestinations(config, { transport, runtime, budget, ledger, now, log });
  const story = { allow: createAllow(destinations, policy), ledger, now, log, telemetry };

  const forDoctor: DoctorDependencies = {
    config,
    openAccount: (name) => openAccount(config, name, { transport, runtime, budget, now, log }),
    ledger,
    transport,
    runtime,
    isCloudRun: platform.isCloudRun,
    now,
    log,
  };
  let readiness: Promise<HttpDependencies['ready']> | undefined;

  const services: HttpDependencies = {
    authenticate: authenticator.authenticate,
    authenticatePush: authenticator.authenticatePush,
    mayPush: createPushPolicy(pubsub).mayPush,
    eventGrant: { destinations: pubsub.eventDestinations, sources: pubsub.eventSources },
    authorize: createAuthorize({ ...story, requireAnyDestination: policy.requireAnyDestination }),
    deliver: createDeliver(story),
    openObject: createSourceAccess({
      allow: story.allow,
      open: (name, time) => openObject({ transport, ...bearer, userProject }, name, time),
      log,
    }),
    deadLetter: createDeadLetters({ transport, ...bearer, topic: pubsub.deadLetterTopic, log }),
    secretRotated(secret) {
      for (const { auth } of destinations.values()) auth.rotated(secret);
    },
    destinations: (caller) =>
      policy.destinationsOf(caller).flatMap((name) => {
        const destination = destinations.get(name);
        return destination === undefined ? [] : [summaryOf(destination)];
      }),
    openUpload: createOpenUpload(story),
    completeUpload: createCompleteUpload(story),
    async doctor(caller, doctorOptions) {
      policy.requireOperator(caller);
      const { examine } = await import('./doctor/examine.ts');
      return examine(forDoctor, doctorOptions);
    },
    async ready() {
      readiness ??= import('./doctor/readiness.ts').then(({ createReadiness }) => createReadiness(forDoctor));
      return (await readiness)();
    },
    stopping,
    requestSeconds: limits.requestSeconds,
    maxBodyBytes,
    version: packageJson.version,
    commit: config.commit ?? (packageJson as { commit?: string }).commit ?? null,
    ledgerKind: config.ledger === 'memory' ? 'memory' : 'firestore',
    concurrentUploads: limits.concurrentUploads,
    get project() {
      return project;
    },
    now,
    log,
    telemetry,
  };

  const warmUp = async (): Promise<void> => {
    const ahead = async (what: string, work: Promise<unknown>): Promise<void> => {
      await work.catch((error: unknown) => log.warn({ error }, `${what} could not be fetched ahead`));
    };
    const rights = new Map([...destinations.values()].map(({ config, drive }) => [config.credentials, drive]));
    const folders = [...destinations.values()].map(({ name, config, drive }) =>
      ahead(`the folder of "${name}"`, drive.resolveFolder(config.folder, {})),
    );
    await Promise.all([
      ahead("Google's keys", authenticator.warmUp()),
      ...[...rights].map(([name, drive]) => ahead(`a token and ids of credentials "${name}"`, drive.fetchIdsAhead())),
      ...folders,
    ]);
    if (config.onCloudRun && project === undefined) project = await findProject().catch(() => undefined);
  };

  return {
    app: createApp(services),
    onEvent: createEventHandler(services),
    warmUp,
    async close() {
      await ledger.close();
      transport.close();
    },
  };
};
