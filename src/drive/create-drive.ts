import { z } from 'zod';
import type { DriveAuth } from '../credentials/drive-auth.ts';
import type { RetryingTransport } from '../google/transport.ts';
import type { Log } from '../log.ts';
import { createAccount } from './account.ts';
import type { BufferBudget } from './upload/buffer-budget.ts';
import { createDriveClient, DRIVE_URL, parseAnswer } from './client.ts';
import type { CallContext, Drive, Upload, UploadTarget } from './drive.ts';
import { createIds } from './ids.ts';
import { createLibrary } from './library.ts';
import { createMetadata } from './metadata.ts';
import { type Pace, UNITS } from './pacing.ts';
import { createExplained, createResolveFolder } from './folder/resolve-folder.ts';
import { createSearch } from './search.ts';
import { askStatus, readAnswer, SESSION_MS, sessionUriOf, startSession } from './upload/session.ts';
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
  log: Log;
  /** Bytes that one multipart request carries at most; for tests. */
  multipartBytes?: number;
}

/** Drive as one account sees it. */
export const createDrive = ({ transport, auth, budget, pace, now, log, multipartBytes }: DriveDependencies): Drive => {
  const client = createDriveClient({ transport, auth, pace });
  const library = createLibrary(client);
  const resolveFolder = createResolveFolder({ client, account: auth.account, now });
  const { search, probe } = createSearch({ library, resolveFolder, now });
  const metadata = createMetadata(library, client, search);

  // By hand rather than by the library, which would cost every cold start a tenth of a second.
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

  const explained = createExplained(client, auth.account);
  const startUpload = createStartUpload(
    { client, files: metadata, budget, again: transport.again, now, log },
    multipartBytes,
  );

  const start: Drive['startUpload'] = async (request) => {
    const upload = await startUpload(request);
    const send: Upload['send'] = (target, sessionUri) =>
      target.kind === 'create'
        ? explained(target.file.folderId, request, () => upload.send(target, sessionUri))
        : upload.send(target, sessionUri);
    return { ...upload, send };
  };

  const openFor = async (target: UploadTarget, size: number, context: CallContext) => {
    const response = await startSession(client, target, size, context);
    if (response.status >= 300) throw client.error(response, 'drive.files.create');
    return { sessionUri: sessionUriOf(response), expiresAtMs: now() + SESSION_MS };
  };

  return {
    ...metadata,
    ...createAccount(library, client),
    resolveFolder,
    probeSearch: probe,
    ...createIds(generateIds),
    createFolder: (folder, context) =>
      explained(folder.parentId, context, () => metadata.createFolder(folder, context)),
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
    openReplaceSession: (id, mimeType, size, context) => openFor({ kind: 'replace', id, mimeType }, size, context),
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
