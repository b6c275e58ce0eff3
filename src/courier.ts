import packageJson from '../package.json' with { type: 'json' };
import type { DestinationWithAuth } from './account-turns.ts';
import type { CallerLimits } from './caller-limits/caller-limits.ts';
import type { Config } from './config/config.ts';
import { createPlatform } from './credentials/runtime/platform.ts';
import { createRuntimeIdentity } from './credentials/runtime/runtime-identity.ts';
import { createRuntimeProject } from './credentials/runtime/runtime-project.ts';
import { createDeliver } from './deliver.ts';
import { createAllow, createAuthorize } from './delivery/checks/check-request.ts';
import { createDestinations, openAccount } from './destinations.ts';
import type { DoctorDependencies } from './doctor/dependencies.ts';
import type { Delivery } from './domain.ts';
import { createBufferBudget, defaultBufferBytes } from './drive/upload/buffer-budget.ts';
import { createUploadCounts, UPLOAD_COUNTS_INTERVAL_MS } from './drive/upload-counts.ts';
import type { Prefix } from './exports/prefix/prefix.ts';
import { createSourceAccess } from './exports/source-access.ts';
import { openObject } from './exports/sources/cloud-storage.ts';
import { createTransport } from './google/create-transport.ts';
import { type CourierApp, createApp } from './http/app.ts';
import type { DestinationSummary, HttpDependencies, UploadSessionRequest } from './http/dependencies.ts';
import type { RequestTime } from './http/request-context.ts';
import { createAuthenticator } from './identity/authenticate.ts';
import { createPolicy } from './identity/policy.ts';
import { createPushPolicy } from './identity/push.ts';
import { createFirestoreLedger, type FirestoreLedgerOptions } from './ledger/firestore.ts';
import type { Ledger } from './ledger/ledger.ts';
import { createMemoryLedger } from './ledger/memory.ts';
import type { Log } from './log.ts';
import { createDeadLetters } from './pubsub/dead-letter.ts';
import { createEventHandler } from './pubsub/events.ts';
import { createPendingReceipts } from './pending-receipts.ts';
import { createSteadyClock } from './steady-clock.ts';
import { createTelemetry, type Telemetry } from './telemetry.ts';
import { createCompleteUpload } from './upload-sessions/complete.ts';
import { createOpenUpload } from './upload-sessions/open.ts';

/** The maximum number of uploads that wait for a buffer, per concurrent upload. Further ones are answered `busy`. */
const MAX_WAITERS_PER_UPLOAD = 1;

export interface CourierOptions {
  /** The largest accepted body in bytes (a platform limit of the function); undefined: no limit. */
  maxBodyBytes?: number | undefined;
  log: Log;
  /** Epoch milliseconds. Default: the machine's clock, and for ages and deadlines the one of `steady-clock.ts`. */
  now?: () => number;
  /** True once the server is shutting down. */
  stopping?: () => boolean;
  /** Default: OpenTelemetry's API, if an SDK has been started. */
  telemetry?: Telemetry;
}

export interface Courier {
  app: CourierApp;
  /** Handles a CloudEvent; throws if it is to be redelivered. */
  onEvent: ReturnType<typeof createEventHandler>;
  /**
   * Fetches in parallel what the first delivery needs: Google's keys, secrets, access tokens and ids of files. Failures
   * are logged, not thrown.
   */
  warmUp(): Promise<void>;
  /** The doctor's checks as plain text, for the person who runs the process. */
  examine(): Promise<{ ok: boolean; text: string }>;
  close(): Promise<void>;
}

const openLedger = (
  { ledger }: Pick<Config, 'ledger'>,
  dependencies: Omit<FirestoreLedgerOptions, 'config'>,
): Ledger => {
  if (ledger !== 'memory') return createFirestoreLedger({ config: ledger.firestore, ...dependencies });
  dependencies.log.warn(
    {},
    'ledger: memory remembers keys for this instance alone, until it ends; use firestore for more than one',
  );
  return createMemoryLedger({ now: dependencies.now });
};

const hasCallerLimits = ({ limits, destinations }: Config): boolean =>
  limits.perCaller !== undefined || Object.values(destinations).some(({ perCaller }) => perCaller !== undefined);

/** Deliveries and upload sessions within the limits of each caller, whose code is loaded with the first request. */
const limitCallers = (
  loaded: () => Promise<CallerLimits>,
  { deliver, openUpload }: Pick<HttpDependencies, 'deliver'> & { openUpload: ReturnType<typeof createOpenUpload> },
) => ({
  deliver: async (delivery: Delivery) => (await loaded()).deliver(delivery, deliver),
  openUpload: async (request: UploadSessionRequest) => (await loaded()).openUpload(request, () => openUpload(request)),
});

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

/** The composition root: creates the handlers of requests and events from the configuration. */
export const createCourier = (config: Config, options: CourierOptions): Courier => {
  const { log, stopping = () => false, maxBodyBytes, telemetry = createTelemetry() } = options;
  const { now: wall = Date.now, now = createSteadyClock() } = options;
  const { limits, googleOrigin, pubsub } = config;
  const userProject = config.userProject ?? undefined;
  const transport = createTransport({ googleOrigin, now, log, observe: telemetry?.call });
  const runtime = createRuntimeIdentity({ transport, isPlatforms: config.hasPlatformIdentity, now });
  const platform = createPlatform({ transport, hasServiceName: config.onCloudRun, now });
  const findProject = createRuntimeProject({ transport, isPlatforms: config.hasPlatformIdentity });
  const ownProject = async (): Promise<string> => config.project ?? findProject();
  const { fetch } = transport;
  const { token, rejected, account } = runtime;
  const bearer = { token, rejected, account };
  const ledger = openLedger(config, {
    project: ownProject,
    fetch,
    ...bearer,
    now,
    log,
  });
  const budget = createBufferBudget({
    bytes: limits.bufferBytes ?? defaultBufferBytes(),
    maxWaiters: limits.concurrentUploads * MAX_WAITERS_PER_UPLOAD,
    now,
  });
  telemetry?.watchBudget(budget.gauges);

  const authenticator = createAuthenticator(config, { fetch, now, wall, log, isCloudRun: platform.isCloudRun });
  const policy = createPolicy(config);
  const uploadCounts = createUploadCounts(async () => {
    const { createDayCounters } = await import('./ledger/day-counters.ts');
    return createDayCounters({ ledger, kind: 'account', now, wall, log, intervalMs: UPLOAD_COUNTS_INTERVAL_MS });
  });
  telemetry?.watchUploads(uploadCounts.known);
  const destinations = createDestinations(config, { transport, runtime, budget, ledger, now, wall, log, uploadCounts });
  const accounts = (): DestinationWithAuth[] =>
    [...destinations.values()].flatMap((destination) => destination.accounts?.all() ?? [destination]);
  const { receiptTopic: topic } = config;
  const receipts =
    topic === null
      ? undefined
      : createPendingReceipts(async (facts) => {
          const { publishReceipt } = await import('./pubsub/receipts.ts');
          await publishReceipt({ transport, ...bearer, topic, log }, facts);
        }, log);
  const deliveryDependencies = {
    allow: createAllow(destinations, policy),
    ledger,
    now,
    wall,
    log,
    telemetry,
    onReceipt: receipts?.add,
  };

  const doctorDependencies: DoctorDependencies = {
    config,
    openAccount: (name) => openAccount(config, name, { transport, runtime, budget, ledger, now, wall, log }),
    ledger,
    uploadedBy: uploadCounts.uploadedBy,
    transport,
    runtime,
    project: ownProject,
    isCloudRun: platform.isCloudRun,
    now,
    wall,
    log,
  };
  let limitsLoading: Promise<CallerLimits> | undefined;
  const callerLimits = (): Promise<CallerLimits> => {
    limitsLoading ??= import('./caller-limits/caller-limits.ts').then(({ createCallerLimits }) =>
      createCallerLimits({ ...deliveryDependencies, perCaller: limits.perCaller }),
    );
    return limitsLoading;
  };
  const isLimited = hasCallerLimits(config);
  const unlimited = {
    deliver: createDeliver(deliveryDependencies),
    openUpload: createOpenUpload(deliveryDependencies),
  };
  const { deliver, openUpload } = isLimited ? limitCallers(callerLimits, unlimited) : unlimited;
  let publishAgain: HttpDependencies['publishAgain'] | undefined;
  let readiness: Promise<HttpDependencies['ready']> | undefined;

  const dependencies: HttpDependencies = {
    authenticate: authenticator.authenticate,
    authenticatePush: authenticator.authenticatePush,
    mayPush: createPushPolicy(pubsub).mayPush,
    eventGrant: { destinations: pubsub.eventDestinations, sources: pubsub.eventSources },
    authorize: createAuthorize({ ...deliveryDependencies, requireAnyDestination: policy.requireAnyDestination }),
    deliver,
    callerLimits: isLimited ? callerLimits : undefined,
    openObject: createSourceAccess({
      allow: deliveryDependencies.allow,
      open: (name, time) => openObject({ transport, ...bearer, userProject }, name, time),
      log,
    }),
    async openQuery(asked, request) {
      const { openQuery } = await import('./exports/bigquery/open-query.ts');
      const { allow } = deliveryDependencies;
      const { queries } = config;
      return openQuery(
        { queries, allow, mayRun: policy.mayRun, transport, ...bearer, userProject, project: ownProject, now, log },
        asked,
        request,
      );
    },
    async openPrefix(prefix, request) {
      const { createPrefixAccess } = await import('./exports/prefix/prefix-access.ts');
      const { listObjects } = await import('./exports/prefix/list-objects.ts');
      const list = (from: Prefix, time: RequestTime) => listObjects({ transport, ...bearer, userProject }, from, time);
      return createPrefixAccess({ allow: deliveryDependencies.allow, list, wall, log })(prefix, request);
    },
    deadLetter: createDeadLetters({ transport, ...bearer, topic: pubsub.deadLetterTopic, log }),
    async publishAgain(origin, messages) {
      const { createPublishAgain } = await import('./pubsub/publish.ts');
      publishAgain ??= createPublishAgain({ transport, ...bearer, subscriptions: pubsub.subscriptions });
      await publishAgain(origin, messages);
    },
    secretRotated(secret) {
      for (const { auth } of accounts()) auth.rotated(secret);
    },
    destinations: (caller) =>
      policy.destinationsOf(caller).flatMap((name) => {
        const destination = destinations.get(name);
        return destination === undefined ? [] : [summaryOf(destination)];
      }),
    async openUpload(request) {
      const { isNew: _, ...session } = await openUpload(request);
      return session;
    },
    completeUpload: createCompleteUpload(deliveryDependencies),
    async doctor(caller, doctorOptions) {
      policy.requireOperator(caller);
      const { examine } = await import('./doctor/examine.ts');
      return examine(doctorDependencies, doctorOptions);
    },
    async ready() {
      readiness ??= import('./doctor/readiness.ts').then(({ createReadiness }) => createReadiness(doctorDependencies));
      return (await readiness)();
    },
    stopping,
    requestSeconds: limits.requestSeconds,
    maxBodyBytes,
    version: packageJson.version,
    commit: config.commit ?? (packageJson as { commit?: string }).commit ?? null,
    ledgerKind: config.ledger === 'memory' ? 'memory' : 'firestore',
    concurrentUploads: limits.concurrentUploads,
    project: config.project,
    now,
    log,
    telemetry,
  };

  const warmUp = async (): Promise<void> => {
    const prefetch = async (what: string, work: Promise<unknown>): Promise<void> => {
      await work.catch((error: unknown) => log.warn({ error }, `${what} could not be fetched ahead`));
    };
    const driveByCredentials = new Map(
      accounts().map(({ config, accounts, drive }) => [accounts?.name ?? config.credentials.join(), drive]),
    );
    const folders = accounts().flatMap(({ name, config: { folder }, drive }) =>
      folder === null ? [] : [prefetch(`the folder of "${name}"`, drive.resolveFolder(folder, {}))],
    );
    await Promise.all([
      prefetch("Google's keys", authenticator.warmUp()),
      ...[...driveByCredentials].map(([name, drive]) =>
        prefetch(`a token and ids of credentials "${name}"`, drive.fetchIdsAhead()),
      ),
      ...folders,
    ]);
    if (config.onCloudRun) dependencies.project ??= await findProject().catch(() => undefined);
  };

  return {
    app: createApp(dependencies),
    onEvent: createEventHandler(dependencies),
    warmUp,
    async examine() {
      const { examine } = await import('./doctor/examine.ts');
      const { reportText } = await import('./doctor/report-text.ts');
      const report = await examine(doctorDependencies, { write: false });
      return { ok: report.ok, text: reportText(report) };
    },
    async close() {
      // Together, because the end of the process does not wait for long.
      await Promise.all([
        ...(receipts?.all() ?? []),
        limitsLoading?.then((loaded) => loaded.close()),
        uploadCounts.close(),
      ]);
      await ledger.close();
      transport.close();
    },
  };
};
