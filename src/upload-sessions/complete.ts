import { type Audit, beginAudit } from '../delivery/audit.ts';
import { asWriter } from '../delivery/file-account.ts';
import { keepWhileHidden } from '../delivery/hidden-file.ts';
import { markMade } from '../delivery/naming/names.ts';
import { receiptOf, withTrashWarning } from '../delivery/receipt.ts';
import { resolveOptions } from '../delivery/resolve-options.ts';
import { markForRetention, restrictAndShare, startRetention } from '../delivery/sharing.ts';
import type { Caller, Receipt } from '../domain.ts';
import type { CallContext, Drive, DriveFile } from '../drive/drive.ts';
import { CourierError } from '../errors.ts';
import { acquireLease, endLease, fileLeaseKey, mustHold, underLease } from '../ledger/lease.ts';
import type { LedgerEntry, StoredEntry } from '../ledger/ledger.ts';
import { realSleep, sleepOrThrow } from '../sleep.ts';
import { createUnanswered } from '../unanswered-requests.ts';
import { decide, judge, look, OVER, type Over, type UploadView, undo } from './outcome.ts';
import { type DirectDependencies, isUploadId, type Session, sessionSchema, uploadKey } from './session.ts';

export interface CompleteRequest {
  id: string;
  caller: Caller;
  /** Lower-case hex. */
  sha256?: string;
  signal: AbortSignal;
  deadlineMs: number;
}

/** The caller announced other bytes than the upload was completed with. */
const completeAlready = ({ idempotencyKey }: Session, sha256: string | null | undefined): CourierError =>
  new CourierError(idempotencyKey === undefined ? 'digest-mismatch' : 'idempotency-key-reused', {
    detail: `This upload is already complete, and its file has the SHA-256 ${sha256}.`,
    remedy: 'Open a new upload with another Idempotency-Key for other bytes. The file of this upload stays.',
  });

/** The receipt that an upload has already, if any. @throws CourierError if the upload is over, or complete with other bytes */
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

/** How long to wait for the receipt of another try that was first, before this one completes the upload too; in milliseconds. */
const RECEIPT_WAIT_MS = 2_000;
const LOOK_AGAIN_MS = 50;

/** The receipt that another try is about to record. */
const receiptToCome = async (
  { ledger, sleep = realSleep }: DirectDependencies,
  id: string,
  { sha256, signal }: { sha256: string | undefined; signal: AbortSignal },
): Promise<Receipt | undefined> => {
  for (let waitedMs = 0; waitedMs < RECEIPT_WAIT_MS; waitedMs += LOOK_AGAIN_MS) {
    const entry = await ledger.read(uploadKey(id));
    const receipt = entry === undefined ? undefined : answered(entry, sha256);
    if (receipt !== undefined) return receipt;
    await sleepOrThrow(sleep, LOOK_AGAIN_MS, signal);
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
  new CourierError('not-found', {
    detail: 'This caller has no upload with this id.',
    remedy: 'Use the id that POST /v1/uploads returned to the same caller, or open a new upload there.',
  });

/** An upload that has no answer yet, as one try to complete it sees it. */
interface Completion {
  dependencies: DirectDependencies;
  id: string;
  entry: StoredEntry;
  session: Session;
  /** Lower-case hex, as the caller announced it. */
  sha256: string | undefined;
  /** Of the request, without a lease. */
  context: CallContext & { signal: AbortSignal };
}

/** @throws CourierError `drive-unavailable` as long as Drive may only hide the file of a session that has ended */
const keepSessionWhileHidden = (
  { dependencies: { ledger }, id, entry, session }: Completion,
  drive: Pick<Drive, 'now'>,
): Promise<void> =>
  keepWhileHidden(
    session,
    async (missed) => {
      const change = { state: 'claimed', record: { ...session, ...missed } } as const;
      return sessionSchema.parse((await ledger.record(uploadKey(id), change, entry)).entry.record);
    },
    drive.now,
  );

/** Records that the upload has ended without a file. If another try has completed it, that receipt is returned. */
const giveUp = async (
  { dependencies: { ledger, log }, id, entry, session, sha256 }: Completion,
  over: Over,
): Promise<Receipt | undefined> => {
  const { nameKey } = session.plan;
  // The name's id is used up as well, so that the next upload of that name gets another one.
  if (nameKey !== undefined) await markMade(ledger, nameKey, log);
  const change = { state: 'claimed', record: { ...session, over } } as const;
  const written = await ledger.record(uploadKey(id), change, entry);
  return written.mine ? undefined : answered(written.entry, sha256);
};

/** Records the receipt. If another try was first, that try's receipt is returned. */
const record = async (
  { dependencies: { ledger }, id, entry, session, sha256 }: Completion,
  receipt: Receipt,
): Promise<Receipt> => {
  // The session is stored with the receipt: if an upload is opened again with the same key, the answer is this session, which can be completed again.
  const done = { state: 'done', record: { ...session, receipt } } as const;
  let written = await ledger.record(uploadKey(id), done, entry);
  // A receipt that another try has written is final. An error that another try has recorded is replaced, because the upload
  // is complete.
  while (!written.mine && written.entry.state !== 'done') {
    written = await ledger.record(uploadKey(id), done, written.entry);
  }
  return (written.mine ? undefined : answered(written.entry, sha256)) ?? receipt;
};

/** The caller, the timer and the check of the lease for one completion. */
interface Completing extends Pick<Audit, 'stepTimer'> {
  caller: Caller;
  /** Undefined if the upload is completed without the lease of its file. */
  checkLease: (() => void) | undefined;
}

/** Shares the file, and gives the receipt for it. */
const finish = async (
  completion: Completion,
  file: DriveFile,
  { upload, caller, stepTimer, checkLease }: { upload: UploadView } & Completing,
): Promise<Receipt> => {
  const { dependencies, session } = completion;
  const { ledger, log, now } = dependencies;
  const { context, sleep } = upload;
  const { kind, nameKey, folderId } = session.plan;
  const isNew = kind === 'create';
  const request = await asWriter(upload.request, { file, isNew, sha256: file.sha256Checksum }, context);
  if (nameKey !== undefined) await markMade(ledger, nameKey, log);
  const outcome = isNew ? 'created' : 'replaced';
  await stepTimer.time('share', () => markForRetention({ request, context }, { file, isNew, folderId }));
  const warnings = await stepTimer.time('share', () =>
    restrictAndShare({ request, context, log, now, sleep }, { file, isNew, outcome }),
  );
  const { idempotencyKey } = session;
  const receipt = receiptOf({
    request,
    delivery: { caller, idempotencyKey },
    file,
    folderId,
    outcome,
    warnings,
    ledger,
  });
  checkLease?.();
  const recorded = await stepTimer.time('record', () => record(completion, receipt));
  startRetention({ ...dependencies, sleep }, request);
  return recorded;
};

/**
 * Whether an upload is completed under the lease of its file. The caller of an upload session sends the bytes without the lease.
 * If they replace a file, a late request of an earlier delivery could overwrite them after the receipt, and the retention could
 * move the file to the trash. No other delivery has sent requests for a new file, so it needs the lease only where the
 * retention applies: it gets its marks before its receipt is recorded.
 */
const needsLease = ({ request, session }: UploadView): boolean =>
  session.plan.kind === 'replace' || request.destination.config.keep.length > 0;

const underFileLease = async <Result>(
  upload: UploadView,
  { ledger, now }: DirectDependencies,
  work: (leased: UploadView, checkLease: () => void) => Promise<Result>,
): Promise<Result> => {
  const { session, context, sleep } = upload;
  const key = fileLeaseKey(session.plan.fileId);
  const lease = await acquireLease(ledger, key, 'Another delivery to this file', context, { now, sleep });
  /** The instance may have been paused, and another holder may have written to the file meanwhile, or moved it to the trash. */
  const checkLease = (): void => mustHold(lease);
  const requests = createUnanswered();
  try {
    return await work({ ...upload, context: underLease(lease, { ...context, onSend: requests.onSend }) }, checkLease);
  } finally {
    await endLease(lease, requests);
  }
};

/** Another try's receipt as the answer to this one. Its file may be in the trash by now. */
const replay = ({ dependencies, context }: Completion, { request }: UploadView, receipt: Receipt): Promise<Receipt> =>
  withTrashWarning(receipt, request.destination.drive, context, dependencies.now());

/** Ends an upload without a file. @param received a file with other bytes than were announced */
const end = async (
  completion: Completion,
  upload: UploadView,
  { over, received }: { over: Over; received: DriveFile | undefined },
): Promise<Receipt> => {
  const finished = await giveUp(completion, over);
  if (finished === undefined) throw OVER[over](received);
  return replay(completion, upload, finished);
};

/** Looks at what Drive has of an upload, decides what follows, and does it. */
const lookAndFinish = async (completion: Completion, upload: UploadView, completing: Completing): Promise<Receipt> => {
  const { dependencies, id, session, sha256, context } = completion;
  const { file, seen, mayBeHidden } = await completing.stepTimer.time('verify', () => look(upload, sha256));
  if (mayBeHidden === true) await keepSessionWhileHidden(completion, upload.request.destination.drive);
  const judgement = await judge(dependencies, id, file, seen);
  const decision = decide(seen, judgement.verdict);
  if (decision.action === 'reject') throw completeAlready(session, file?.sha256Checksum);
  if (decision.action === 'give-up') {
    if (decision.undo && file !== undefined) {
      const remove = (leased: UploadView): Promise<void> => undo(leased, file, judgement);
      // Otherwise, Drive might still move the file to the trash after another delivery has replaced its bytes.
      await (completing.checkLease === undefined ? underFileLease(upload, dependencies, remove) : remove(upload));
    }
    return end(completion, upload, { over: decision.over, received: seen === 'other-bytes' ? file : undefined });
  }
  // An upload that is whole has a file, so this is not reached.
  if (file === undefined) return end(completion, upload, { over: 'gone', received: undefined });
  const { signal } = context;
  const earlier = judgement.mine ? undefined : await receiptToCome(dependencies, id, { sha256, signal });
  return earlier === undefined
    ? finish(completion, file, { upload, ...completing })
    : replay(completion, upload, earlier);
};

/** The caller's own upload. @throws CourierError `not-found` */
const findUpload = async (
  { ledger }: DirectDependencies,
  { id, caller }: CompleteRequest,
): Promise<{ entry: StoredEntry; session: Session }> => {
  const entry = isUploadId(id) ? await ledger.read(uploadKey(id)) : undefined;
  if (entry === undefined) throw notFound();
  const session = sessionSchema.parse(entry.record);
  if (session.callerSub !== caller.sub) throw notFound();
  return { entry, session };
};

/**
 * `POST /v1/uploads/{id}/complete`: checks what Drive received, and gives the receipt for it.
 * @throws CourierError `not-found`, `upload-incomplete`, `digest-mismatch`
 */
export const createCompleteUpload =
  (dependencies: DirectDependencies) =>
  async (asked: CompleteRequest): Promise<Receipt> => {
    const { allow, now, wall, log, telemetry, onReceipt, sleep = realSleep } = dependencies;
    const { id, caller, sha256, signal, deadlineMs } = asked;
    const { entry, session } = await findUpload(dependencies, asked);
    const { destination, name, path, size, properties } = session.options;
    const known = answered(entry, sha256);
    if (known !== undefined) {
      // A caller that may no longer write there still gets the receipt, because it was issued before.
      const drive = driveOf(allow, caller, destination);
      return drive === undefined ? known : withTrashWarning(known, drive, { signal, deadlineMs }, now());
    }

    const { idempotencyKey } = session;
    const facts = { caller, destination, name, size, idempotencyKey, uploadId: id };
    const { run, stepTimer, callStats } = beginAudit(facts, { now, log, telemetry, onReceipt });
    const context: Completion['context'] = { signal, deadlineMs, callStats };
    const completion: Completion = { dependencies, id, entry, session, sha256, context };

    return run(async () => {
      const sinceMs = wall();
      const allowed = allow(caller, destination);
      const account = allowed.accounts?.of(session.plan) ?? allowed;
      const request = resolveOptions(account, { name, path, properties }, { caller, sinceMs });
      const view: UploadView = { request, session, context, sleep };
      const complete = (upload: UploadView, checkLease?: () => void): Promise<Receipt> =>
        lookAndFinish(completion, upload, { caller, stepTimer, checkLease });
      return needsLease(view) ? underFileLease(view, dependencies, complete) : complete(view);
    });
  };
