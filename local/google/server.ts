import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAwsInstanceRoutes } from './aws-instance.ts';
import { type BigQueryService, createBigQueryService } from './bigquery/service.ts';
import { createDriveAdminRoutes } from './drive/control-admin.ts';
import { createDriveService, type DriveService } from './drive/service.ts';
import { createFaultInjector } from './faults/injector.ts';
import { createFaultPlan, type FaultPlan } from './faults/plan.ts';
import type { GoogleService, ServiceContext } from './google-service.ts';
import { type CallRecorder, recordCalls } from './http/calls.ts';
import { createControlRoutes } from './http/control-routes.ts';
import { createListener } from './http/dispatch.ts';
import { createIamCredentialsService } from './iamcredentials/service.ts';
import { createMetadataService } from './metadata/service.ts';
import { createOauth2Service } from './oauth2/service.ts';
import { createPubsubService, type PubsubService } from './pubsub/service.ts';
import { seededRandom } from './random.ts';
import { createSecretManagerService } from './secretmanager/service.ts';
import { BUCKET, type Places, seedCloud, seedDrive, TOPIC } from './seed.ts';
import { createSheetsAdminRoutes } from './sheets/admin.ts';
import { createSheetsService, type SheetsService } from './sheets/service.ts';
import { createStorageService, type StorageService } from './storage/service.ts';
import { createStsService } from './sts/service.ts';
import { createViewer } from './viewer/service.ts';
import { createWorldAdminRoutes } from './world/admin.ts';
import { isAllowed, isOwner } from './world/iam.ts';
import { openWorld, type World } from './world/world.ts';

export interface LocalGoogleOptions {
  /** Default: a temporary folder that is removed on close. */
  dataDir?: string | undefined;
  /** Default: any free port. */
  port?: number;
  /** Epoch milliseconds; default: the machine's clock. */
  now?: () => number;
  /** The seed of all random values except keys and tokens. Default: 1. */
  seed?: number;
}

export interface LocalGoogle {
  /** `http://127.0.0.1:PORT`, the value for `COURIER_GOOGLE_ORIGIN`. */
  origin: string;
  /** `127.0.0.1:PORT`, the value for `GCE_METADATA_HOST`. */
  metadataHost: string;
  dataDir: string;
  world: World;
  /** A bucket that the courier's accounts may read and the exporter may write. */
  bucket: string;
  /** A topic that the courier's accounts may publish to. */
  topic: string;
  storage: StorageService;
  pubsub: PubsubService;
  bigquery: BigQueryService;
  drive: DriveService;
  sheets: SheetsService;
  /** The IDs of the default folders. */
  places: Places;
  faults: FaultPlan;
  calls: CallRecorder;
  /** Closes all connections and removes a temporary data folder. */
  close(): Promise<void>;
}

/** Self-signed JWTs for Drive have one of these as their audience. */
const DRIVE_HOSTS = ['www.googleapis.com', 'drive.googleapis.com'];

const hasAddress = ({ state }: World, address: string): boolean =>
  [...state.users, ...state.serviceAccounts, ...state.groups].some(({ email }) => email.toLowerCase() === address);

/** Starts a local Google on loopback. */
export async function startLocalGoogle(options: LocalGoogleOptions = {}): Promise<LocalGoogle> {
  const { now = Date.now, seed = 1, port = 0 } = options;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'local-google-'));
  mkdirSync(dataDir, { recursive: true });
  const discard = (): void => {
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  const world = await openWorld(dataDir, now);
  const faults = createFaultPlan(seed);
  const calls = recordCalls();
  const injector = createFaultInjector(faults);

  let origin = '';
  const contextOf = (name: string, hosts: readonly string[]): ServiceContext => {
    const folder = join(dataDir, name);
    mkdirSync(folder, { recursive: true });
    return {
      now,
      random: seededRandom(seed),
      origin: () => origin,
      dataDir: folder,
      tokens: {
        find: (token) => {
          const holder = world.tokens.holderOf(token, hosts);
          return holder?.kind === 'federated' ? undefined : holder;
        },
      },
      isApiEnabled: (project, api) => project === world.project.id && world.state.apis.includes(api),
      isAllowedOnProject: (grant, project, permission) =>
        project === world.project.id &&
        (isOwner(world.state, grant) || isAllowed(world.state, grant, world.state.bindings, permission)),
      corrupt: injector.corrupt,
    };
  };

  const storage = await createStorageService(contextOf('storage', ['storage.googleapis.com']));
  const pubsub = createPubsubService(contextOf('pubsub', ['pubsub.googleapis.com']));
  const bigquery = createBigQueryService(contextOf('bigquery', ['bigquery.googleapis.com']), storage);
  const drive = createDriveService(contextOf('drive', DRIVE_HOSTS), {
    isKnownAddress: (email) => hasAddress(world, email),
  });
  const sheets = createSheetsService(drive.state, world);
  await seedCloud(storage, pubsub);
  const places = seedDrive(drive, world);
  const viewer = createViewer(drive.state);
  // A host may have several services. The first one that handles a call answers it.
  const services: readonly GoogleService[] = [
    createOauth2Service(world, now),
    createSecretManagerService(world),
    createIamCredentialsService(world, now),
    createStsService(world, now),
    createMetadataService(world, now),
    storage,
    pubsub,
    bigquery,
    drive,
    sheets,
    viewer,
  ];

  const server = createServer(
    // Uploads may take long. Idle connections stay open, because a client may be about to reuse one.
    { requestTimeout: 0, keepAliveTimeout: 120_000 },
    createListener({
      services,
      controlRoutes: [
        createControlRoutes(calls, faults),
        createWorldAdminRoutes(world),
        createDriveAdminRoutes(drive),
        createSheetsAdminRoutes(sheets),
        createAwsInstanceRoutes(now),
        viewer.handle,
      ],
      recorder: calls,
      injector,
      now,
      origin: () => origin,
    }),
  );
  server.on('clientError', (_, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening').catch((error: unknown) => {
    discard();
    throw error;
  });
  const metadataHost = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  origin = `http://${metadataHost}`;
  world.writeKeyFiles(origin);

  return {
    origin,
    metadataHost,
    dataDir,
    world,
    bucket: BUCKET,
    topic: TOPIC,
    storage,
    pubsub,
    bigquery,
    drive,
    sheets,
    places,
    faults,
    calls,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      drive.close();
      bigquery.close();
      discard();
    },
  };
}
