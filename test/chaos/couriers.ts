import { type CourierProcess, startCourierProcess } from '../../local/courier-process.ts';
import type { startGoogleProcess } from './google-process.ts';

type Google = Awaited<ReturnType<typeof startGoogleProcess>>;

export const AUDIENCE = 'https://drive-courier.example';

/** Where a run keeps its ledger. */
export type LedgerChoice = { kind: 'memory' } | { kind: 'firestore'; host: string; collection: string };

const REQUEST_SECONDS = 120;

const ledgerOf = (ledger: LedgerChoice): unknown =>
  ledger.kind === 'memory' ? 'memory' : { firestore: { project: 'local-project', collection: ledger.collection } };

/** One courier process that writes to the local Google's shared drive. @param port default: any free one */
export const startCourier = (
  google: Google,
  ledger: LedgerChoice,
  port?: number,
  nodeOptions: readonly string[] = [],
): Promise<CourierProcess> =>
  startCourierProcess({
    ...(port === undefined ? {} : { port }),
    nodeOptions,
    env: {
      COURIER_CONFIG: JSON.stringify({
        audiences: [AUDIENCE],
        destinations: {
          chaos: { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [google.callerEmail] },
        },
        credentials: { main: { file: google.keyFile } },
        ledger: ledgerOf(ledger),
        limits: { requestSeconds: REQUEST_SECONDS },
      }),
      COURIER_GOOGLE_ORIGIN: google.origin,
      GCE_METADATA_HOST: google.metadataHost,
      GOOGLE_CLOUD_PROJECT: 'local-project',
      LOG_LEVEL: 'info',
      ...(ledger.kind === 'memory' ? {} : { FIRESTORE_EMULATOR_HOST: ledger.host }),
    },
  });
