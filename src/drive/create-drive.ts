import { z } from 'zod';
import type { DriveAuth } from '../credentials/drive-auth.ts';
import type { RetryingTransport } from '../google/transport.ts';
import type { Log } from '../log.ts';
import type { DriveClock } from '../steady-clock.ts';
import { createAccount } from './account.ts';
import { createDriveClient, DRIVE_URL, fileOf, parseAnswer } from './client.ts';
import type { CallContext, Drive, DrivePolicy, Upload, UploadTarget } from './drive.ts';
import { createExplained, createResolveFolder } from './folder/resolve-folder.ts';
import { createLibrary } from './library.ts';
import { createMetadata } from './files/metadata.ts';
import { type Pace, UNITS } from './pacing.ts';
import { createSearch } from './files/search.ts';
import { createSharedReads } from './shared-work.ts';
import type { BufferBudget } from './upload/buffer-budget.ts';
import { askStatus, endSession, readAnswer, SESSION_MS, sessionUriOf, startSession } from './upload/session.ts';
import { createStartUpload } from './upload/upload.ts';

const generated = z.object({ ids: z.array(z.string()).min(1) });
const finished = z.object({ id: z.string() });

export interface DriveDependencies {
  transport: RetryingTransport;
  auth: DriveAuth;
  /** Shared by every Drive of the instance. */
  budget: BufferBudget;
  /** One for each credential. */
  pace: Pace;
  /** Epoch milliseconds. */
  now: () => number;
  /** Drive's clock, which the accounts of an instance share. Default: one for this account. */
  clock?: DriveClock | undefined;
  log: Log;
  /** Called with the bytes of each file that was uploaded, or whose upload session was opened. */
  uploaded?: ((bytes: number) => void) | undefined;
  /** Bytes that one multipart request carries at most; for tests. */
  multipartBytes?: number;
}

/** Drive as one account sees it. */
export const createDrive = ({
  transport,
  auth,
  budget,
  pace,
  now,
  clock,
  log,
  uploaded,
  multipartBytes,
}: DriveDependencies): Drive => {
  const client = createDriveClient({ transport, auth, pace, now, clock });
  const library = createLibrary(client);
  const resolveFolder = createResolveFolder({ client, account: auth.account, now });
  const { search, probe } = createSearch({ library, resolveFolder, now });
  const metadata = createMetadata({ library, client, now, log }, search);

  // Built by hand, because loading the library takes a tenth of a second at each cold start.
  const generateIds = async (count: number, context: CallContext): Promise<string[]> => {
    const operation = 'drive.files.generateIds';
    const url = `${DRIVE_URL}/files/generateIds?count=${count}&space=drive&type=files`;
    const response = await client.call(
      { operation, method: 'GET', url, units: UNITS.other, retry: 'idempotent' },
      context,
    );
    if (response.status >= 300) throw client.error(response, operation);
    return parseAnswer(() => generated.parse(JSON.parse(response.body.toString()))).ids;
  };

  let policy: Promise<DrivePolicy> | undefined;

  const explained = createExplained(client, auth.account);
  const startUpload = createStartUpload(
    { client, files: metadata, budget, again: transport.again, now, log },
    multipartBytes,
  );

  const start: Drive['startUpload'] = async (request, from) => {
    const upload = await startUpload(request, from);
    const send: Upload['send'] = async (target, sessionUri) => {
      const result = await (target.kind === 'create'
        ? explained(target.file.folderId, request, () => upload.send(target, sessionUri))
        : upload.send(target, sessionUri));
      if (result.kind === 'stored') uploaded?.(result.received.size);
      return result;
    };
    return { ...upload, send };
  };

  const openFor = async (target: UploadTarget, size: number, context: CallContext) => {
    const response = await startSession(client, target, size, context);
    if (response.status >= 300) throw client.error(response, 'drive.files.create');
    uploaded?.(size);
    return { sessionUri: sessionUriOf(response), expiresAtMs: client.driveNow() + SESSION_MS };
  };

  return {
    now: client.driveNow,
    ...metadata,
    getShared: createSharedReads(metadata.get),
    ...createAccount(library, client),
    resolveFolder,
    probeSearch: probe,
    policy() {
      policy ??= import('./files/policy.ts').then(({ createDrivePolicy }) => createDrivePolicy(client));
      return policy;
    },
    ...createIds(generateIds),
    createFolder: (folder, context) =>
      explained(folder.parentId, context, () => metadata.createFolder(folder, context)),
    createDocument: (file, context) => explained(file.folderId, context, () => metadata.createDocument(file, context)),
    startUpload: start,
    async upload(target, request, sessionUri) {
      const upload = await start(request);
      try {
        return await upload.send(target, sessionUri);
      } finally {
        upload.close();
      }
    },
    openSession: (file, size, context) =>
      explained(file.folderId, context, () => openFor({ kind: 'create', file }, size, context)),
    openReplaceSession: (file, size, context) => openFor({ kind: 'replace', ...file }, size, context),
    async endSession(sessionUri, context) {
      const response = await endSession(client, sessionUri, context);
      return response === undefined ? undefined : fileOf(response);
    },
    async sessionStatus(sessionUri, size, context) {
      const response = await askStatus(client, sessionUri, size, context);
      const answer = readAnswer(client, response);
      if (answer.kind === 'stored') return { state: 'open', stored: answer.bytes };
      if (answer.kind === 'done')
        return { state: 'done', fileId: parseAnswer(() => finished.parse(JSON.parse(response.body.toString()))).id };
      if (answer.kind === 'doubt') throw answer.error;
      return { state: [404, 410].includes(response.status) || answer.kind === 'exists' ? 'gone' : 'refused' };
    },
  };
};

/** `files.generateIds` answers up to 1,000 a call, so a file's id costs a thousandth of a call. */
const BATCH = 1_000;
/** When so few ids are left, the pool is refilled in the background, so that no delivery waits. */
const LOW = 100;

/**
 * A pool of ids to create files with. However many deliveries wait, one call refills it.
 * @internal for tests
 */
export const createIds = (
  generate: (count: number, context: CallContext) => Promise<string[]>,
): Pick<Drive, 'newId' | 'fetchIdsAhead'> => {
  let ids: string[] = [];
  let filling: Promise<void> | undefined;

  /** The call counts for the delivery that asked first, but continues if that ends, because others wait for it too. */
  const fill = ({ callStats }: CallContext): Promise<void> => {
    filling ??= generate(BATCH, { callStats })
      .then((more) => {
        ids = [...ids, ...more];
      })
      .finally(() => {
        filling = undefined;
      });
    return filling;
  };

  return {
    async newId(context) {
      for (;;) {
        const id = ids.pop();
        if (id === undefined) {
          await fill(context);
          continue;
        }
        // A failure matters only to callers that find the pool empty, not to the one that refills it early.
        if (ids.length === LOW) fill(context).catch(() => undefined);
        return id;
      }
    },
    async fetchIdsAhead() {
      if (ids.length === 0) await fill({});
    },
  };
};
