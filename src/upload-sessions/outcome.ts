import type { CallContext, DriveFile } from '../drive/drive.ts';
import { isThere } from '../delivery/naming/names.ts';
import { CourierError } from '../errors.ts';
import type { Sleep } from '../sleep.ts';
import type { ResolvedRequest } from '../delivery/resolve-options.ts';
import { type DirectDependencies, type Session, verdictKey } from './session.ts';

/** What became of an upload: looked for at Drive, and judged once for all who ask. */

const AGAIN = "Open a new upload and send the file again; with the same Idempotency-Key this won't create a duplicate.";

export type Over = NonNullable<Session['over']>;

const lost = (detail: string): CourierError => new CourierError('upload-incomplete', { detail, remedy: AGAIN });

/** What is said of an upload of which nothing comes any more, however often it is asked. */
export const OVER: Readonly<Record<Over, (came?: DriveFile) => CourierError>> = {
  'other-bytes': (came) => {
    const what = came === undefined ? '' : `: ${came.size} bytes with the SHA-256 ${came.sha256Checksum}`;
    const detail = `What Drive received is not what was announced, and was removed${what}.`;
    return new CourierError('digest-mismatch', { detail, remedy: AGAIN });
  },
  trashed: () => lost('The file of this upload was put into the trash before it was complete.'),
  moved: () =>
    lost('The file to be replaced was renamed or moved before the upload was complete; it has its former content.'),
  gone: () => lost('The session has ended, and Drive does not show what was announced.'),
};

interface Upload {
  request: ResolvedRequest;
  session: Session;
  context: CallContext;
  sleep: Sleep;
}

/** Drive answers 404 for a while about what it has just made: pauses before it is believed, in milliseconds. */
const DOUBT_WAITS_MS = [500, 1_500, 3_000];

/** Asks until the answer is no "not found", or was that often enough to be believed. */
const askDoubting = async <Answer>(
  { sleep, context }: Upload,
  ask: () => Promise<Answer>,
  isNotFound: (answer: Answer) => boolean,
): Promise<Answer> => {
  let answer = await ask();
  for (const wait of DOUBT_WAITS_MS) {
    if (!isNotFound(answer)) return answer;
    await sleep(wait, context.signal);
    answer = await ask();
  }
  return answer;
};

/** Whether the session has brought its bytes to their end. @throws CourierError `upload-incomplete` */
const hasEnded = async (upload: Upload): Promise<boolean> => {
  const { request, session, context } = upload;
  const { size } = session.options;
  const status = await askDoubting(
    upload,
    () => request.destination.drive.sessionStatus(session.sessionUri, size, context),
    ({ state }) => state === 'gone',
  );
  if (status.state === 'open') {
    throw new CourierError('upload-incomplete', { detail: `Drive has ${status.stored} of ${size} bytes.` });
  }
  if (status.state === 'refused') throw lost('Drive does not say how far the session is.');
  return status.state === 'done';
};

type SessionOutcome = 'whole' | Over;

/** Whether a file shows the bytes of a session that has ended, and not what another delivery or a person put there since. */
const showsOwnBytes = async ({ request, session, context }: Upload, file: DriveFile): Promise<boolean> => {
  const { plan, formerRevisionId } = session;
  const revisions = (await request.destination.drive.revisions(file.id, context)) ?? [];
  const former = revisions.findIndex(({ id }) => id === formerRevisionId);
  if (plan.kind === 'replace' && former === -1) return false;
  return revisions.length === former + 2 && revisions.at(-1)?.id === file.headRevisionId;
};

/**
 * What became of the session. The file that it was for may be another's by now: of the same name, whose id both had, or put
 * there after it. Such a file proves something by its checksum alone, and is not this session's to take back.
 * @throws CourierError `upload-incomplete`; `folder-not-found` where the folder itself is out of sight, for then nothing is known
 */
export const look = async (
  upload: Upload,
  sha256: string | undefined,
): Promise<{ file: DriveFile | undefined; seen: SessionOutcome }> => {
  const { request, session, context } = upload;
  const { plan, options } = session;
  const { drive } = request.destination;
  const ended = await hasEnded(upload);
  const file = await askDoubting(
    upload,
    () => drive.get(plan.fileId, context),
    (shown) => shown === undefined,
  );
  if (file === undefined) {
    // A folder that was unshared for a while would otherwise come back to a file that its key has sent again.
    await drive.inspectFolder(plan.folderId, context);
    return { file, seen: 'gone' };
  }
  if (file.trashed) return { file, seen: 'trashed' };
  const isReplacing = plan.kind === 'replace';
  if (isReplacing && !isThere({ folderId: plan.folderId, name: options.name }, file)) {
    return { file, seen: (await showsOwnBytes(upload, file)) ? 'moved' : 'gone' };
  }
  // That a file which was there before has these bytes does not say that this session brought them.
  if (!ended && isReplacing && file.headRevisionId === session.formerRevisionId) return { file, seen: 'gone' };
  const hasSize = file.size === options.size;
  if (hasSize && sha256 !== undefined && file.sha256Checksum === sha256) return { file, seen: 'whole' };
  if (!ended || !(await showsOwnBytes(upload, file))) return { file, seen: 'gone' };
  return { file, seen: hasSize && sha256 === undefined ? 'whole' : 'other-bytes' };
};

/** What the first who looked found, which goes for all: nobody takes back what another has been given a receipt for. */
interface Judgement {
  verdict: SessionOutcome;
  /** The revision that the bytes are, of a file that is replaced. */
  revisionId?: string;
}

export const judge = async (
  { ledger, now }: DirectDependencies,
  id: string,
  file: DriveFile | undefined,
  verdict: SessionOutcome,
): Promise<Judgement & { mine: boolean }> => {
  const { headRevisionId: revisionId } = file ?? {};
  const record: Judgement = { verdict, ...(revisionId === undefined ? {} : { revisionId }) };
  const claim = { fileId: '', fingerprint: '', state: 'claimed', record, claimedAtMs: now() } as const;
  const { entry, mine } = await ledger.claim(verdictKey(id), claim);
  return { ...(entry.record as Judgement), mine };
};

/** Undoes what arrived wrong or in the wrong file: a new file is removed, a replaced one gets its former content again. */
export const undo = async (
  { request, session, context }: Upload,
  file: DriveFile,
  { revisionId }: Judgement,
): Promise<void> => {
  const { drive } = request.destination;
  if (session.plan.kind === 'create') await drive.removeUnchanged(file, context);
  else if (revisionId !== undefined) await drive.removeRevision(file.id, revisionId, context);
};
