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

const otherBytes = (detail: string): CourierError => new CourierError('digest-mismatch', { detail, remedy: AGAIN });
const lost = (detail: string): CourierError => new CourierError('upload-incomplete', { detail, remedy: AGAIN });

/** What is said of an upload of which nothing comes any more, however often it is asked. */
const OVER = {
  'other-bytes': () => otherBytes('This upload ended with other bytes than were announced, and they were removed.'),
  trashed: () => lost('The file of this upload was put into the trash before it was complete.'),
  gone: () => lost('The session is over, and Drive does not say that all of it arrived.'),
} as const satisfies Record<NonNullable<Session['over']>, () => CourierError>;

/** The answer that an upload has already; undefined while it has none. @throws CourierError, where it is over or for other bytes */
const answered = ({ state, record }: LedgerEntry, sha256: string | undefined): Receipt | undefined => {
  const { over, idempotencyKey } = sessionSchema.parse(record);
  if (over !== undefined) throw OVER[over]();
  if (state !== 'done') return undefined;
  const { receipt } = record as { receipt: Receipt };
  if (sha256 !== undefined && receipt.sha256 !== sha256) {
    throw new CourierError(idempotencyKey === undefined ? 'digest-mismatch' : 'idempotency-key-reused', {
      detail: `This upload is complete already, and its file has the SHA-256 ${receipt.sha256}.`,
      remedy: 'Open a new upload for other bytes, with a key of its own; the file of this one stays.',
    });
  }
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
  // A session is forgotten some time after it ended well, so the file decides; a file that was there before proves nothing.
  if (status.state === 'gone' && session.plan.kind === 'replace') return undefined;
  return drive.get(session.plan.fileId, context);
};

/** Undoes what arrived wrong: a new file goes, a replaced one is its former self again. */
const undo = async (order: Order, { plan }: Session, file: DriveFile, context: CallContext): Promise<void> => {
  if (plan.kind === 'create') return order.place.drive.remove(file.id, context);
  if (file.headRevisionId !== undefined) return order.place.drive.removeRevision(file.id, file.headRevisionId, context);
};

const notFound = (): CourierError =>
  new CourierError('not-found', { detail: 'There is no such upload of this caller.' });

/** `POST /v1/uploads/{id}/complete`: checks what arrived, and gives the receipt for it. @throws CourierError `not-found`, `upload-incomplete`, `digest-mismatch` */
export const createCompleteUpload =
  ({ allow, ledger, now, log, telemetry }: DirectDependencies) =>
  async ({ id, caller, sha256, signal, deadlineMs }: CompleteRequest): Promise<Receipt> => {
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
    const giveUp = async (over: NonNullable<Session['over']>): Promise<void> => {
      // The name's id is used up as well, so that the next upload of that name gets another one.
      if (nameKey !== undefined) await markMade(ledger, nameKey, log);
      await ledger.record(uploadKey(id), { state: 'claimed', record: { ...session, over } });
    };

    return tell(async () => {
      const place = allow(caller, destination);
      const order = settle(place, { name, path });
      const file = await watch.time('verify', () => arrived(order, session, context));
      const isWhole = file?.size === size && (sha256 === undefined || file.sha256Checksum === sha256);
      if (file === undefined || file.trashed || !isWhole) {
        // Another try may have been satisfied meanwhile; its file stays.
        const meanwhile = answered((await ledger.read(uploadKey(id))) ?? entry, sha256);
        if (meanwhile !== undefined) return meanwhile;
        if (file !== undefined && !file.trashed) await undo(order, session, file, context);
        const over = file === undefined ? 'gone' : isWhole ? 'trashed' : 'other-bytes';
        await giveUp(over);
        if (file === undefined || over !== 'other-bytes') throw OVER[over]();
        throw otherBytes(
          `What Drive received is not what was announced, and was removed: ${file.size} bytes with the SHA-256 ${file.sha256Checksum}.`,
        );
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
