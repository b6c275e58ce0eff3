import type { Caller, Receipt } from '../domain.ts';
import type { CallContext, Drive } from '../drive/drive.ts';
import { markMade } from '../delivery/naming/names.ts';
import { shareFile } from '../delivery/sharing.ts';
import { CourierError } from '../errors.ts';
import type { LedgerEntry } from '../ledger/ledger.ts';
import { realSleep } from '../sleep.ts';
import { beginAudit } from '../delivery/audit.ts';
import { receiptOf, withTrashWarning } from '../delivery/receipt.ts';
import { resolveOptions } from '../delivery/resolve-options.ts';
import { type DirectDependencies, isUploadId, type Session, sessionSchema, uploadKey } from './session.ts';
import { judge, look, OVER, type Over, undo } from './outcome.ts';

export interface CompleteRequest {
  id: string;
  caller: Caller;
  /** Lower-case hex. */
  sha256?: string;
  signal: AbortSignal;
  deadlineMs: number;
}

/** Other bytes are wanted than the upload is complete with. */
const completeAlready = ({ idempotencyKey }: Session, sha256: string | null | undefined): CourierError =>
  new CourierError(idempotencyKey === undefined ? 'digest-mismatch' : 'idempotency-key-reused', {
    detail: `This upload is complete already, and its file has the SHA-256 ${sha256}.`,
    remedy: 'Open a new upload for other bytes, with a key of its own; the file of this one stays.',
  });

/** The answer that an upload has already; undefined while it has none. @throws CourierError, where it is over or for other bytes */
const answered = (
  { state, record }: Pick<LedgerEntry, 'state' | 'record'>,
  sha256: string | undefined,
): Receipt | undefined => {
  const session = sessionSchema.parse(record);
  if (session.over !== undefined) throw OVER[session.over]();
  if (state !== 'done') return undefined;
  const { receipt } = record as { receipt: Receipt };
  if (sha256 !== undefined && receipt.sha256 !== sha256) throw completeAlready(session, receipt.sha256);
  return { ...receipt, outcome: 'replayed' };
};

/** How long another try, which was first, is waited for before its work is done once more; in milliseconds. */
const PATIENCE_MS = 2_000;
const LOOK_AGAIN_MS = 50;

/** The receipt that another try is about to write down. */
const receiptToCome = async (
  { ledger, sleep = realSleep }: DirectDependencies,
  id: string,
  { sha256, signal }: { sha256: string | undefined; signal: AbortSignal },
): Promise<Receipt | undefined> => {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_AGAIN_MS) {
    const entry = await ledger.read(uploadKey(id));
    const receipt = entry === undefined ? undefined : answered(entry, sha256);
    if (receipt !== undefined) return receipt;
    await sleep(LOOK_AGAIN_MS, signal);
  }
  return undefined;
};

const driveOf = (allow: DirectDependencies['allow'], caller: Caller, destination: string): Drive | undefined => {
  try {
    return allow(caller, destination).drive;
  } catch {
    return undefined;
  }
};

const notFound = (): CourierError =>
  new CourierError('not-found', { detail: 'There is no such upload of this caller.' });

/** `POST /v1/uploads/{id}/complete`: checks what arrived, and gives the receipt for it. @throws CourierError `not-found`, `upload-incomplete`, `digest-mismatch` */
export const createCompleteUpload =
  (dependencies: DirectDependencies) =>
  async ({ id, caller, sha256, signal, deadlineMs }: CompleteRequest): Promise<Receipt> => {
    const { allow, ledger, now, log, telemetry, sleep = realSleep } = dependencies;
    const entry = isUploadId(id) ? await ledger.read(uploadKey(id)) : undefined;
    if (entry === undefined) throw notFound();
    const session = sessionSchema.parse(entry.record);
    if (session.callerSub !== caller.sub) throw notFound();
    const { name, path, size } = session.options;
    const known = answered(entry, sha256);
    // Who may not write there any more loses nothing: the receipt was given before.
    const drive = known === undefined ? undefined : driveOf(allow, caller, session.options.destination);
    if (known !== undefined) {
      return drive === undefined ? known : withTrashWarning(known, drive, { signal, deadlineMs }, now());
    }

    const { idempotencyKey } = session;
    const asked = { caller, destination: session.options.destination, name, size, idempotencyKey, uploadId: id };
    const { run, stepTimer, callStats } = beginAudit(asked, { now, log, telemetry });
    const context: CallContext = { signal, deadlineMs, callStats };

    const { kind, nameKey } = session.plan;
    /** Writes down that nothing comes of the upload, unless somebody has completed it: a receipt stays one. */
    const giveUp = async (over: Over): Promise<Receipt | undefined> => {
      // The name's id is used up as well, so that the next upload of that name gets another one.
      if (nameKey !== undefined) await markMade(ledger, nameKey, log);
      const change = { state: 'claimed', record: { ...session, over } } as const;
      const written = await ledger.record(uploadKey(id), change, entry);
      return written.mine ? undefined : answered(written.entry, sha256);
    };

    return run(async () => {
      const destination = allow(caller, session.options.destination);
      const request = resolveOptions(destination, { name, path });
      const upload = { request, session, context, sleep };
      const { file, seen } = await stepTimer.time('verify', () => look(upload, sha256));
      const judgement = await judge(dependencies, id, file, seen);
      if (judgement.verdict === 'whole' && seen === 'other-bytes') throw completeAlready(session, file?.sha256Checksum);
      if (file === undefined || seen !== 'whole' || judgement.verdict !== 'whole') {
        const lost = seen === 'trashed' || seen === 'moved' ? seen : 'gone';
        const over = judgement.verdict === 'whole' ? lost : judgement.verdict;
        // Who finds its own bytes whole leaves this to whoever found them wrong, and was first.
        if (file !== undefined && over === seen && (over === 'other-bytes' || over === 'moved')) {
          await undo(upload, file, judgement);
        }
        const finished = await giveUp(over);
        if (finished !== undefined) return finished;
        throw OVER[over](seen === 'other-bytes' ? file : undefined);
      }
      const told = judgement.mine ? undefined : await receiptToCome(dependencies, id, { sha256, signal });
      if (told !== undefined) return told;
      if (nameKey !== undefined) await markMade(ledger, nameKey, log);
      const created = kind === 'create';
      const { share } = destination.config;
      const shareIt = () => shareFile({ drive: destination.drive, fileId: file.id, share, context, log });
      const warnings = created ? await stepTimer.time('share', shareIt) : [];
      const receipt = receiptOf({
        request,
        delivery: { caller, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) },
        file,
        folderId: session.plan.folderId,
        outcome: created ? 'created' : 'replaced',
        warnings,
        ledger,
      });
      // The session stays beside the receipt: whoever opens it again with its key is answered the same one, and completes it again.
      const done = { state: 'done', record: { ...session, receipt } } as const;
      return stepTimer.time('record', async () => {
        let written = await ledger.record(uploadKey(id), done, entry);
        // A receipt that another has written stands; that another has given the upload up does not, for it is complete.
        while (!written.mine && written.entry.state !== 'done') {
          written = await ledger.record(uploadKey(id), done, written.entry);
        }
        return (written.mine ? undefined : answered(written.entry, sha256)) ?? receipt;
      });
    });
  };
