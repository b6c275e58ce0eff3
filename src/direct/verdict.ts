import type { CallContext, DriveFile } from '../drive/drive.ts';
import { CourierError } from '../errors.ts';
import type { Order } from '../steps/settle.ts';
import { type DirectDependencies, type Session, uploadKey } from './session.ts';

/** What became of an upload: looked for at Drive, and judged once for all who ask. */

const AGAIN = 'Open a new upload, and send the file again; with the same Idempotency-Key it is not doubled.';

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
  gone: () => lost('The session is over, and what Drive shows is not what it was to bring.'),
};

interface Upload {
  order: Order;
  session: Session;
  context: CallContext;
}

/** Whether the session has brought its bytes to their end. @throws CourierError `upload-incomplete` */
const hasEnded = async ({ order, session, context }: Upload): Promise<boolean> => {
  const { size } = session.options;
  const status = await order.place.drive.sessionStatus(session.sessionUri, size, context);
  if (status.state === 'open') {
    throw new CourierError('upload-incomplete', { detail: `Drive has ${status.stored} of ${size} bytes.` });
  }
  if (status.state === 'refused') throw lost('Drive does not say how far the session is.');
  return status.state === 'done';
};

type Verdict = 'whole' | Over;

/** Whether a file shows the bytes of a session that has ended, and not what another delivery or a person put there since. */
const showsOwnBytes = async ({ order, session, context }: Upload, file: DriveFile): Promise<boolean> => {
  const { plan, formerRevisionId } = session;
  const revisions = (await order.place.drive.revisions(file.id, context)) ?? [];
  const former = formerRevisionId === undefined ? -1 : revisions.indexOf(formerRevisionId);
  if (plan.kind === 'replace' && former === -1) return false;
  return revisions.length === former + 2 && revisions.at(-1) === file.headRevisionId;
};

/**
 * What became of the session. The file that it was for may be another's by now: of the same name, whose id both had, or put
 * there after it. Such a file proves something by its checksum alone, and is not this session's to take back.
 * @throws CourierError `upload-incomplete`; `folder-not-found` where the folder itself is out of sight, for then nothing is known
 */
export const look = async (
  upload: Upload,
  sha256: string | undefined,
): Promise<{ file: DriveFile | undefined; seen: Verdict }> => {
  const { order, session, context } = upload;
  const { plan, options } = session;
  const { drive } = order.place;
  const ended = await hasEnded(upload);
  const file = await drive.get(plan.fileId, context);
  if (file === undefined) {
    // A folder that was unshared for a while would otherwise come back to a file that its key has sent again.
    await drive.inspectFolder(plan.folderId, context);
    return { file, seen: 'gone' };
  }
  if (file.trashed) return { file, seen: 'trashed' };
  // That a file which was there before has these bytes does not say that this session brought them.
  if (!ended && plan.kind === 'replace') return { file, seen: 'gone' };
  const hasSize = file.size === options.size;
  if (hasSize && sha256 !== undefined && file.sha256Checksum === sha256) return { file, seen: 'whole' };
  if (!ended || !(await showsOwnBytes(upload, file))) return { file, seen: 'gone' };
  return { file, seen: hasSize && sha256 === undefined ? 'whole' : 'other-bytes' };
};

/** What the first who looked found, which goes for all: nobody takes back what another has been given a receipt for. */
interface Judgement {
  verdict: Verdict;
  /** The revision that the bytes are, of a file that is replaced. */
  revisionId?: string;
}

export const judge = async (
  { ledger, now }: DirectDependencies,
  id: string,
  file: DriveFile | undefined,
  verdict: Verdict,
): Promise<Judgement & { mine: boolean }> => {
  const { headRevisionId: revisionId } = file ?? {};
  const record: Judgement = { verdict, ...(revisionId === undefined ? {} : { revisionId }) };
  const claim = { fileId: '', fingerprint: '', state: 'claimed', record, claimedAtMs: now() } as const;
  const { entry, mine } = await ledger.claim(`${uploadKey(id)}:verdict`, claim);
  return { ...(entry.record as Judgement), mine };
};

/** Undoes what arrived wrong: a new file goes, a replaced one is its former self again. */
export const undo = async ({ order, session, context }: Upload, { revisionId }: Judgement): Promise<void> => {
  const { drive } = order.place;
  const { kind, fileId } = session.plan;
  if (kind === 'create') return drive.remove(fileId, context);
  if (revisionId !== undefined) return drive.removeRevision(fileId, revisionId, context);
};
