import { isThere } from '../delivery/naming/names.ts';
import { isFolderMissing } from '../delivery/naming/folders.ts';
import { folderOf, type ResolvedRequest } from '../delivery/resolve-options.ts';
import type { CallContext, DriveFile } from '../drive/drive.ts';
import { CourierError } from '../errors.ts';
import { askUntilFound, type Sleep } from '../sleep.ts';
import { type DirectDependencies, type Session, verdictKey } from './session.ts';

const AGAIN = "Open a new upload and send the file again; with the same Idempotency-Key this won't create a duplicate.";

export type Over = NonNullable<Session['over']>;

const lost = (detail: string): CourierError => new CourierError('upload-incomplete', { detail, remedy: AGAIN });

/** The errors of uploads that ended without a file. Every later attempt to complete such an upload gets the same one. */
export const OVER: Readonly<Record<Over, (received?: DriveFile) => CourierError>> = {
  'other-bytes': (received) => {
    const what = received === undefined ? '' : `: ${received.size} bytes with the SHA-256 ${received.sha256Checksum}`;
    const detail = `Drive received other bytes than were announced${what}. They were removed, unless somebody has changed the file since.`;
    return new CourierError('digest-mismatch', { detail, remedy: AGAIN });
  },
  trashed: () => lost('The file of this upload was put into the trash before it was complete.'),
  moved: () =>
    lost('The file to be replaced was renamed or moved before the upload was complete; it has its former content.'),
  gone: () => lost('The session has ended, and Drive does not show the announced file.'),
};

/** What is needed to look at an upload in Drive. */
export interface UploadView {
  request: ResolvedRequest;
  session: Session;
  context: CallContext;
  sleep: Sleep;
}

/** Asks again while the answer is "not found", because Drive may show a new file late. */
const askUntilVisible = async <Answer>(
  { sleep, context: { signal } }: UploadView,
  ask: () => Promise<Answer>,
  isFound: (answer: Answer) => boolean,
): Promise<Answer> => askUntilFound(await ask(), { ask, isFound, sleep, signal });

/** Whether the session has received all its bytes. @throws CourierError `upload-incomplete` */
const hasEnded = async (upload: UploadView): Promise<boolean> => {
  const { request, session, context } = upload;
  const { size } = session.options;
  const status = await askUntilVisible(
    upload,
    () => request.destination.drive.sessionStatus(session.sessionUri, size, context),
    ({ state }) => state !== 'gone',
  );
  if (status.state === 'open') {
    throw new CourierError('upload-incomplete', { detail: `Drive has ${status.stored} of ${size} bytes.` });
  }
  if (status.state === 'refused') throw lost('Drive does not report how many bytes the session has.');
  return status.state === 'done';
};

type SessionOutcome = 'whole' | Over;

/** Whether a file shows the bytes of a session that has ended, and not what another delivery or a person put there since. */
const showsOwnBytes = async ({ request, session, context }: UploadView, file: DriveFile): Promise<boolean> => {
  const { plan, formerRevisionId } = session;
  const revisions = (await request.destination.drive.revisions(file.id, context)) ?? [];
  const former = revisions.findIndex(({ id }) => id === formerRevisionId);
  if (plan.kind === 'replace' && former === -1) return false;
  return revisions.length === former + 2 && revisions.at(-1)?.id === file.headRevisionId;
};

/**
 * If the folder of the destination was unshared for a while, the key would send the file a second time. A folder of the path
 * that is missing alone was deleted: without an end of this upload, its key could never be used again.
 * @throws CourierError `folder-not-found`
 */
const mustSeeFolder = async ({ request: { destination }, session, context }: UploadView): Promise<void> => {
  const { plan, options } = session;
  const { drive } = destination;
  try {
    await drive.inspectFolder(plan.folderId, context);
  } catch (error) {
    if (!isFolderMissing({ request: { destination, path: options.path } }, error)) throw error;
    await drive.inspectFolder(folderOf(destination), context);
  }
};

/** The outcome of the session, as its file shows it. @param ended Drive reports that it has all bytes */
const judgeShown = async (
  upload: UploadView,
  file: DriveFile,
  { ended, sha256 }: { ended: boolean; sha256: string | undefined },
): Promise<SessionOutcome> => {
  const { plan, options, formerRevisionId } = upload.session;
  if (file.trashed) return 'trashed';
  const isReplacing = plan.kind === 'replace';
  if (isReplacing && !isThere({ folderId: plan.folderId, name: options.name }, file)) {
    return (await showsOwnBytes(upload, file)) ? 'moved' : 'gone';
  }
  // A file that existed before the session may have had these bytes already.
  if (!ended && isReplacing && file.headRevisionId === formerRevisionId) return 'gone';
  const hasSize = file.size === options.size;
  if (hasSize && sha256 !== undefined && file.sha256Checksum === undefined) {
    // The bytes may be the announced ones, so nothing is decided, and nothing is removed.
    throw new CourierError('drive-unavailable', { detail: "Drive does not show the file's SHA-256." });
  }
  if (hasSize && sha256 !== undefined && file.sha256Checksum === sha256) return 'whole';
  if (!ended || !(await showsOwnBytes(upload, file))) return 'gone';
  return hasSize && sha256 === undefined ? 'whole' : 'other-bytes';
};

/**
 * Finds the outcome of the session; `mayBeHidden` if Drive reports that it has made the file, and does not show it.
 * Meanwhile its file may belong to another delivery that has the same name or id, or has written to it later. For such a
 * file only the checksum counts, and it must not be removed.
 * @throws CourierError `upload-incomplete`; `folder-not-found` where the folder itself is not visible, because then nothing is known
 */
export const look = async (
  upload: UploadView,
  sha256: string | undefined,
): Promise<{ file: DriveFile | undefined; seen: SessionOutcome; mayBeHidden?: boolean }> => {
  const { request, session, context } = upload;
  const { plan } = session;
  const { drive } = request.destination;
  const ended = await hasEnded(upload);
  const file = await askUntilVisible(
    upload,
    () => drive.get(plan.fileId, context),
    (shown) => shown !== undefined && (sha256 === undefined || shown.sha256Checksum !== undefined),
  );
  if (file === undefined) {
    await mustSeeFolder(upload);
    return { file, seen: 'gone', mayBeHidden: ended && plan.kind === 'create' };
  }
  return { file, seen: await judgeShown(upload, file, { ended, sha256 }) };
};

/**
 * The result of the first try. It applies to all tries, so that no try removes a file for which another try got a receipt.
 */
interface Judgement {
  verdict: SessionOutcome;
  /** Of a file that is replaced: the revision that holds the bytes. */
  revisionId?: string | undefined;
}

export const judge = async (
  { ledger, now }: DirectDependencies,
  id: string,
  file: DriveFile | undefined,
  verdict: SessionOutcome,
): Promise<Judgement & { mine: boolean }> => {
  const { headRevisionId: revisionId } = file ?? {};
  const record: Judgement = { verdict, revisionId };
  const claim = { fileId: '', fingerprint: '', state: 'claimed', record, claimedAtMs: now() } as const;
  const { entry, mine } = await ledger.claim(verdictKey(id), claim);
  return { ...(entry.record as Judgement), mine };
};

type Decision =
  | { action: 'finish' }
  /** The caller announced other bytes than the upload is complete with. */
  | { action: 'reject' }
  /** `undo`: this session has written wrong bytes, which are removed. */
  | { action: 'give-up'; over: Over; undo: boolean };

/**
 * What a try does.
 * @param seen what it sees itself
 * @param verdict what the first try saw, which holds for all
 */
export const decide = (seen: SessionOutcome, verdict: SessionOutcome): Decision => {
  if (seen === 'whole') {
    return verdict === 'whole' ? { action: 'finish' } : { action: 'give-up', over: verdict, undo: false };
  }
  if (seen === 'other-bytes' && verdict === 'whole') return { action: 'reject' };
  const over = verdict === 'whole' ? seen : verdict;
  // If a try sees another state than the first one, it leaves the removal to that one.
  return { action: 'give-up', over, undo: over === seen && (over === 'other-bytes' || over === 'moved') };
};

/**
 * Removes wrong bytes, or bytes in the wrong file: a new file is removed, a replaced file gets its former content back. A new
 * file that a person has renamed or moved stays.
 */
export const undo = async (
  { request, session, context }: UploadView,
  file: DriveFile,
  { revisionId }: Judgement,
): Promise<void> => {
  const { drive } = request.destination;
  const { plan, options } = session;
  if (plan.kind === 'create') {
    if (isThere({ folderId: plan.folderId, name: options.name }, file)) await drive.removeUnchanged(file, context);
    return;
  }
  if (revisionId !== undefined) await drive.removeRevision(file.id, revisionId, context);
};
