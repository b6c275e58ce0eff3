import type { Caller, Receipt } from '../delivery.ts';
import type { CallContext, DriveFile } from '../drive/drive.ts';
import { markMade } from '../drive/names.ts';
import { shareFile } from '../drive/share.ts';
import { CourierError } from '../errors.ts';
import type { LedgerEntry } from '../ledger/ledger.ts';
import { beginAudit } from '../steps/audit.ts';
import { receiptOf } from '../steps/receipt.ts';
import { type Order, settle } from '../steps/settle.ts';
import { type DirectDependencies, type Session, sessionSchema, uploadKey } from './session.ts';

export interface CompleteRequest {
  id: string;
  caller: Caller;
  /** Lower-case hex. */
  sha256?: string;
  signal: AbortSignal;
  deadlineMs: number;
}

const AGAIN = 'Open a new upload, and send the file again; with the same Idempotency-Key it is not doubled.';

type Over = NonNullable<Session['over']>;

const lost = (detail: string): CourierError => new CourierError('upload-incomplete', { detail, remedy: AGAIN });

/** What is said of an upload of which nothing comes any more, however often it is asked. */
const OVER: Readonly<Record<Over, (came?: DriveFile) => CourierError>> = {
  'other-bytes': (came) => {
    const what = came === undefined ? '' : `: ${came.size} bytes with the SHA-256 ${came.sha256Checksum}`;
    const detail = `What Drive received is not what was announced, and was removed${what}.`;
    return new CourierError('digest-mismatch', { detail, remedy: AGAIN });
  },
  trashed: () => lost('The file of this upload was put into the trash before it was complete.'),
  gone: () => lost('The session is over, and Drive does not say that all of it arrived.'),
};

/** Other bytes are wanted than the upload is complete with. */
const completeAlready = ({ idempotencyKey }: Session, sha256: string | null | undefined): CourierError =>
  new CourierError(idempotencyKey === undefined ? 'digest-mismatch' : 'idempotency-key-reused', {
    detail: `This upload is complete already, and its file has the SHA-256 ${sha256}.`,
    remedy: 'Open a new upload for other bytes, with a key of its own; the file of this one stays.',
  });

/** The answer that an upload has already; undefined while it has none. @throws CourierError, where it is over or for other bytes */
const answered = ({ state, record }: LedgerEntry, sha256: string | undefined): Receipt | undefined => {
  const session = sessionSchema.parse(record);
  if (session.over !== undefined) throw OVER[session.over]();
  if (state !== 'done') return undefined;
  const { receipt } = record as { receipt: Receipt };
  if (sha256 !== undefined && receipt.sha256 !== sha256) throw completeAlready(session, receipt.sha256);
  return { ...receipt, outcome: 'replayed' };
};

/** The file, once Drive says that all of it arrived; undefined where it never will. @throws CourierError `upload-incomplete` */
const arrived = async (order: Order, session: Session, context: CallContext): Promise<DriveFile | undefined> => {
  const { drive } = order.place;
  const { size } = session.options;
  const status = await drive.sessionStatus(session.sessionUri, size, context);
  if (status.state === 'open') {
    throw new CourierError('upload-incomplete', { detail: `Drive has ${status.stored} of ${size} bytes.` });
  }
  if (status.state === 'refused') throw lost('Drive does not say how far the session is.');
  // A session is forgotten some time after it ended well, so the file decides; a file that was there before proves nothing.
  if (status.state === 'gone' && session.plan.kind === 'replace') return undefined;
  return drive.get(session.plan.fileId, context);
};

type Verdict = 'whole' | Over;

const verdictOf = (file: DriveFile | undefined, size: number, sha256: string | undefined): Verdict => {
  if (file === undefined) return 'gone';
  if (file.size !== size || (sha256 !== undefined && file.sha256Checksum !== sha256)) return 'other-bytes';
  return file.trashed ? 'trashed' : 'whole';
};

/** What the first who looked found, which goes for all: nobody takes back what another has been given a receipt for. */
interface Judgement {
  verdict: Verdict;
  /** The revision that the bytes are, of a file that is replaced. */
  revisionId?: string;
}

const judge = async (
  { ledger, now }: DirectDependencies,
  id: string,
  file: DriveFile | undefined,
  verdict: Verdict,
): Promise<Judgement> => {
  const { headRevisionId: revisionId } = file ?? {};
  const record: Judgement = { verdict, ...(revisionId === undefined ? {} : { revisionId }) };
  const claim = { fileId: '', fingerprint: '', state: 'claimed', record, claimedAtMs: now() } as const;
  return (await ledger.claim(`${uploadKey(id)}:verdict`, claim)).entry.record as Judgement;
};

/** Undoes what arrived wrong: a new file goes, a replaced one is its former self again. */
const undo = async (
  { drive }: Order['place'],
  { plan }: Session,
  { revisionId }: Judgement,
  context: CallContext,
): Promise<void> => {
  if (plan.kind === 'create') return drive.remove(plan.fileId, context);
  if (revisionId !== undefined) return drive.removeRevision(plan.fileId, revisionId, context);
};

const notFound = (): CourierError =>
  new CourierError('not-found', { detail: 'There is no such upload of this caller.' });

/** `POST /v1/uploads/{id}/complete`: checks what arrived, and gives the receipt for it. @throws CourierError `not-found`, `upload-incomplete`, `digest-mismatch` */
export const createCompleteUpload =
  (dependencies: DirectDependencies) =>
  async ({ id, caller, sha256, signal, deadlineMs }: CompleteRequest): Promise<Receipt> => {
    const { allow, ledger, now, log, telemetry } = dependencies;
    const entry = await ledger.read(uploadKey(id));
    if (entry === undefined) throw notFound();
    const session = sessionSchema.parse(entry.record);
    if (session.callerSub !== caller.sub) throw notFound();
    const known = answered(entry, sha256);
    if (known !== undefined) return known;

    const { destination, name, path, size } = session.options;
    const { idempotencyKey } = session;
    const asked = { caller, destination, name, size, idempotencyKey, uploadId: id };
    const { tell, watch, tally } = beginAudit(asked, { now, log, telemetry });
    const context: CallContext = { signal, deadlineMs, tally };

    const { kind, nameKey } = session.plan;
    const giveUp = async (over: Over): Promise<void> => {
      // The name's id is used up as well, so that the next upload of that name gets another one.
      if (nameKey !== undefined) await markMade(ledger, nameKey, log);
      await ledger.record(uploadKey(id), { state: 'claimed', record: { ...session, over } });
    };

    return tell(async () => {
      const place = allow(caller, destination);
      const order = settle(place, { name, path });
      const file = await watch.time('verify', () => arrived(order, session, context));
      const seen = verdictOf(file, size, sha256);
      const judgement = await judge(dependencies, id, file, seen);
      if (judgement.verdict === 'whole' && seen === 'other-bytes') throw completeAlready(session, file?.sha256Checksum);
      if (file === undefined || seen !== 'whole' || judgement.verdict !== 'whole') {
        const gone = seen === 'trashed' ? 'trashed' : 'gone';
        const over = judgement.verdict === 'whole' ? gone : judgement.verdict;
        if (over === 'other-bytes' && file?.trashed === false) await undo(place, session, judgement, context);
        await giveUp(over);
        throw OVER[over](seen === 'other-bytes' ? file : undefined);
      }
      if (nameKey !== undefined) await markMade(ledger, nameKey, log);
      const created = kind === 'create';
      const { share } = place.config;
      const shareIt = () => shareFile({ drive: place.drive, fileId: file.id, share, context, log });
      const warnings = created ? await watch.time('share', shareIt) : [];
      const receipt = receiptOf({
        order,
        delivery: { caller, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) },
        file,
        folderId: session.plan.folderId,
        outcome: created ? 'created' : 'replaced',
        warnings,
      });
      // The session stays beside the receipt: whoever opens it again with its key is answered the same one, and completes it again.
      const done = { state: 'done', record: { ...session, receipt } } as const;
      await watch.time('record', () => ledger.record(uploadKey(id), done));
      return receipt;
    });
  };
