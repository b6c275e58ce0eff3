import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Caller, CONFLICT_RULES, type DeliveryOptions, type Receipt } from './delivery.ts';
import type { CallContext, DriveFile } from './drive/drive.ts';
import { markMade } from './drive/names.ts';
import { shareFile } from './drive/share.ts';
import { CourierError } from './errors.ts';
import type { Ledger, LedgerEntry } from './ledger/ledger.ts';
import type { Log } from './log.ts';
import { beginAudit } from './steps/audit.ts';
import { deliveryKey, keyMark, sameRequest } from './steps/claim.ts';
import { choosePlan, type Plan } from './steps/plan.ts';
import { receiptOf } from './steps/receipt.ts';
import { type Allow, checkSize, fingerprint, type Order, settle } from './steps/settle.ts';
import type { Telemetry } from './telemetry.ts';

/** The story of a direct upload: the courier opens the session, the caller sends the bytes to Drive, the courier checks what arrived. */

export interface DirectDependencies {
  allow: Allow;
  ledger: Ledger;
  now: () => number;
  log: Log;
  telemetry?: Telemetry | undefined;
}

export interface OpenRequest {
  caller: Caller;
  options: DeliveryOptions & { mimeType: string; size: number };
  idempotencyKey?: string;
  signal: AbortSignal;
  deadlineMs: number;
}

export interface OpenedUpload {
  id: string;
  uploadUrl: string;
  expiresTime: string;
  chunkGranularity: 262_144;
}

export interface CompleteRequest {
  id: string;
  caller: Caller;
  /** Lower-case hex. */
  sha256?: string;
  signal: AbortSignal;
  deadlineMs: number;
}

const planSchema = z.object({
  kind: z.enum(['create', 'replace']),
  fileId: z.string(),
  folderId: z.string(),
  rule: z.enum(CONFLICT_RULES).optional(),
  nameKey: z.string().optional(),
});

/** What the ledger keeps of an open upload; the session URI stands here and in the caller's answer, nowhere else. */
const sessionSchema = z.object({
  callerSub: z.string(),
  idempotencyKey: z.string().optional(),
  options: z.object({
    destination: z.string(),
    name: z.string(),
    path: z.string(),
    size: z.number(),
    mimeType: z.string(),
  }),
  plan: planSchema,
  sessionUri: z.string(),
  expiresAtMs: z.number(),
});
type Session = z.infer<typeof sessionSchema>;

const uploadKey = (id: string): string => `upload:${id}`;

const asOpened = (id: string, { sessionUri, expiresAtMs }: Session): OpenedUpload => ({
  id,
  uploadUrl: sessionUri,
  expiresTime: new Date(expiresAtMs).toISOString(),
  chunkGranularity: 262_144,
});

const refuseConversion = (order: Order): void => {
  if (order.convertTo !== undefined) {
    throw new CourierError('request-invalid', {
      detail:
        'convertTo does not go with an upload session: Drive takes no id for a conversion, so it could not be made once. Send it to POST /v1/files.',
    });
  }
};

/** Claims the key for a plan; a later open with the same key gets the first one's plan. */
const claimPlan = async (
  { ledger, now }: DirectDependencies,
  { caller, idempotencyKey, options }: OpenRequest,
  order: Order,
  choose: () => Promise<Plan>,
): Promise<Plan> => {
  if (idempotencyKey === undefined) return choose();
  const key = deliveryKey(caller, idempotencyKey);
  const print = fingerprint('session', { options }, order.place.name);
  const claimFirst = async (): Promise<LedgerEntry> => {
    const plan = await choose();
    const claimed = {
      fileId: plan.fileId,
      fingerprint: print,
      state: 'claimed',
      record: { plan },
      claimedAtMs: now(),
    } as const;
    return (await ledger.claim(key, claimed)).entry;
  };
  const entry = (await ledger.read(key)) ?? (await claimFirst());
  sameRequest(entry, print);
  return (entry.record as { plan: Plan }).plan;
};

const openSession = (
  order: Order,
  plan: Plan,
  request: OpenRequest,
  context: CallContext,
): Promise<{ sessionUri: string; expiresAtMs: number }> => {
  const { drive } = order.place;
  const { mimeType, size } = request.options;
  if (plan.kind === 'replace') return drive.openReplaceSession(plan.fileId, mimeType, size, context);
  const file = {
    id: plan.fileId,
    name: order.name,
    mimeType,
    folderId: plan.folderId,
    ...(order.description === undefined ? {} : { description: order.description }),
  };
  return drive.openSession(file, size, context);
};

/** `POST /v1/uploads`. With the same key, the same session is answered again. @throws CourierError as a delivery does */
export const createOpenUpload =
  (dependencies: DirectDependencies) =>
  async (request: OpenRequest): Promise<OpenedUpload> => {
    const { allow, ledger, now, log } = dependencies;
    const { caller, options, idempotencyKey, signal, deadlineMs } = request;
    const context: CallContext = { signal, deadlineMs };
    const place = allow(caller, options.destination);
    checkSize(options.size, place);
    const order = settle(place, options);
    refuseConversion(order);

    const id = idempotencyKey === undefined ? randomUUID() : keyMark(`upload:${deliveryKey(caller, idempotencyKey)}`);
    const plan = await claimPlan(dependencies, request, order, async () => {
      const { folderId } = await place.folders.ensure(place.config.folder, order.path, context);
      return choosePlan({ order, folderId, source: options, ledger, log, context, now });
    });
    if (plan.kind === 'skip') {
      throw new CourierError('name-taken', {
        detail: `"${order.name}" is already in the folder; with onConflict=skip there is nothing to send.`,
      });
    }
    const earlier = await ledger.read(uploadKey(id));
    if (earlier !== undefined) return asOpened(id, sessionSchema.parse(earlier.record));

    const { sessionUri, expiresAtMs } = await openSession(order, plan, request, context);
    const session: Session = {
      callerSub: caller.sub,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      options: {
        destination: place.name,
        name: order.name,
        path: order.path,
        size: options.size,
        mimeType: options.mimeType,
      },
      plan: planSchema.parse(plan),
      sessionUri,
      expiresAtMs,
    };
    const { entry } = await ledger.claim(uploadKey(id), {
      fileId: plan.fileId,
      fingerprint: '',
      state: 'claimed',
      record: session,
      claimedAtMs: now(),
    });
    log.info(
      {
        audit: {
          uploadId: id,
          caller: caller.email ?? caller.sub,
          destination: place.name,
          name: order.name,
          size: options.size,
        },
      },
      'upload session opened',
    );
    return asOpened(id, sessionSchema.parse(entry.record));
  };

const incomplete = (detail: string): CourierError => new CourierError('upload-incomplete', { detail });

/** The file, once Drive says that all of it arrived. @throws CourierError `upload-incomplete` */
const arrived = async (order: Order, session: Session, context: CallContext): Promise<DriveFile> => {
  const { drive } = order.place;
  const { size } = session.options;
  const status = await drive.sessionStatus(session.sessionUri, size, context);
  if (status.state === 'open') throw incomplete(`Drive has ${status.stored} of ${size} bytes.`);
  // A session is forgotten some time after it ended well, so the file decides; a file that was there before proves nothing.
  if (status.state === 'gone' && session.plan.kind === 'replace') {
    throw incomplete('The session is over and Drive does not say how it ended; open a new upload.');
  }
  const file = await drive.get(session.plan.fileId, context);
  if (file === undefined) throw incomplete('The session is over without a file; open a new upload.');
  return file;
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
    if (entry.state === 'done') {
      const { receipt } = entry.record as Session & { receipt: Receipt };
      if (sha256 !== undefined && receipt.sha256 !== sha256) {
        throw new CourierError('digest-mismatch', {
          detail: `This upload is complete already, and its file has the SHA-256 ${receipt.sha256}.`,
          remedy: 'Open a new upload for other bytes; the file of this one stays.',
        });
      }
      return { ...receipt, outcome: 'replayed' };
    }

    const { destination, name, path, size } = session.options;
    const { idempotencyKey } = session;
    const asked = { caller, destination, name, size, idempotencyKey, uploadId: id };
    const { tell, watch, tally } = beginAudit(asked, { now, log, telemetry });
    const context: CallContext = { signal, deadlineMs, tally };

    return tell(async () => {
      const place = allow(caller, destination);
      const order = settle(place, { name, path });
      const file = await watch.time('verify', () => arrived(order, session, context));
      if (file.size !== size || (sha256 !== undefined && file.sha256Checksum !== sha256)) {
        await undo(order, session, file, context);
        throw new CourierError('digest-mismatch', {
          detail: `What Drive received is not what was announced, and was removed: ${file.size} bytes with the SHA-256 ${file.sha256Checksum}.`,
          remedy: 'Open a new upload, and send the file again.',
        });
      }
      const { kind, nameKey } = session.plan;
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
