import { checkRequest } from '../delivery/checks/check-request.ts';
import { fingerprint, isSamePlan, sameRequest } from '../delivery/idempotency.ts';
import { resolveNamedFile } from '../delivery/naming/named-file.ts';
import { againInFreshFolder } from '../delivery/naming/folders.ts';
import { accountFor, asNextAccount, choosePlan, type Plan, quotaOf, withAccount } from '../delivery/plan.ts';
import {
  changeableDetails,
  checkSize,
  detailsOfNew,
  folderOf,
  type ResolvedRequest,
  resolveOptions,
} from '../delivery/resolve-options.ts';
import { type Caller, callerName, type DeliveryOptions } from '../domain.ts';
import type { CallContext } from '../drive/drive.ts';
import { asCourierError, CourierError } from '../errors.ts';
import { fileLeaseKey, waitForAbandonedWork } from '../ledger/lease.ts';
import { type LedgerWrite, ledgerOf, type StoredEntry } from '../ledger/ledger.ts';
import { askUntilFound, realSleep } from '../sleep.ts';
import { READ_ONLY, refuseConversion, refuseReadOnly } from './refusals.ts';
import { type DirectDependencies, idsOf, planSchema, type Session, sessionSchema, uploadKey } from './session.ts';

export interface OpenRequest {
  caller: Caller;
  options: DeliveryOptions & { mimeType: string; size: number };
  idempotencyKey?: string | undefined;
  signal: AbortSignal;
  deadlineMs: number;
}

export interface OpenedUpload {
  id: string;
  uploadUrl: string;
  expiresTime: string;
  chunkGranularity: 262_144;
  /** False if an earlier request with this key has opened the session. */
  isNew: boolean;
}

const asOpened = (id: string, { sessionUri, expiresAtMs }: Session, isNew: boolean): OpenedUpload => ({
  id,
  uploadUrl: sessionUri,
  expiresTime: new Date(expiresAtMs).toISOString(),
  chunkGranularity: 262_144,
  isNew,
});

/** How often an upload with one key may end without a file. */
const MAX_ROUNDS = 100;

/** The plan in a key's entry. */
const planOf = ({ record }: StoredEntry): Plan => (record as { plan: Plan }).plan;

/** How often tries with one key at the same moment may revise its plan. */
const MAX_TURNS = 5;

/**
 * Claims a key for a plan. A later open with the same key gets the same plan. As long as the key has no session, the plan is
 * made again each time, because its file may have been created, removed or renamed since. Otherwise the key could never open
 * a session.
 * @param findSession looks for the session that another open with the key may have saved
 * @returns `session`: the saved one, in whose plan nothing may be changed any more
 */
const claimPlan = async (
  { ledger }: DirectDependencies,
  { options }: OpenRequest,
  { request, planKey, choose }: { request: ResolvedRequest; planKey: string | undefined; choose: () => Promise<Plan> },
  findSession: () => Promise<Session | undefined>,
): Promise<{ plan: Plan; session?: Session | undefined }> => {
  if (planKey === undefined) return { plan: await choose() };
  const print = fingerprint('session', { options, size: options.size }, request.destination.name);
  /** The file that has the name may be this key's own, uploaded by another open since the ledger was read. */
  const orStored = async (error: unknown): Promise<LedgerWrite> => {
    const { code, reason } = asCourierError(error);
    const made = code === 'name-taken' || reason === READ_ONLY ? await ledger.read(planKey) : undefined;
    if (made === undefined) throw error;
    return { entry: made, mine: false };
  };
  const claimFirst = async (): Promise<LedgerWrite> => {
    const plan = await choose();
    const claimed = {
      fileId: plan.fileId,
      fingerprint: print,
      state: 'claimed',
      claimedAtMs: request.sinceMs,
    } as const;
    return ledger.claim(planKey, { ...claimed, record: { plan } });
  };
  const stored = await ledger.read(planKey);
  let { entry, mine } = stored === undefined ? await claimFirst().catch(orStored) : { entry: stored, mine: false };
  sameRequest(entry, print);
  for (let turn = 0; !mine && turn < MAX_TURNS; turn++) {
    const plan = planOf(entry);
    const saved = await findSession();
    if (saved !== undefined) return { plan, session: saved };
    const current = await choose().catch(async (error: unknown) => {
      const savedSince = await findSession();
      if (savedSince === undefined) throw error;
      return savedSince;
    });
    if ('sessionUri' in current) return { plan, session: current };
    // Where each delivery makes a file of its own, the key's id stays: only the folder and the account may be others.
    const isOwn = plan.kind === 'create' && plan.rule === 'new';
    const wanted = isOwn ? withAccount(request, { ...plan, folderId: current.folderId }) : current;
    if (isSamePlan(wanted, plan)) return { plan };
    ({ entry, mine } = await ledger.record(planKey, { state: 'claimed', record: { plan: wanted } }, entry));
  }
  return { plan: planOf(entry) };
};

/** The file gets its properties for the retention when the upload is completed: its caller may take days to send the bytes. */
const openSession = (
  resolved: ResolvedRequest,
  plan: Plan,
  request: OpenRequest,
  context: CallContext,
): Promise<{ sessionUri: string; expiresAtMs: number }> => {
  const { drive, accounts } = resolved.destination;
  const marks = accounts?.marks;
  const { mimeType, size } = request.options;
  if (plan.kind === 'replace') {
    const target = {
      id: plan.fileId,
      mimeType,
      ...changeableDetails(resolved),
      ...(marks && { appProperties: marks.writer }),
    };
    return drive.openReplaceSession(target, size, context);
  }
  const file = {
    id: plan.fileId,
    name: resolved.name,
    mimeType,
    folderId: plan.folderId,
    ...detailsOfNew(resolved),
    ...(marks && { appProperties: marks.creator }),
  };
  return drive.openSession(file, size, context);
};

/** The upload to open: of the uploads with one key, the first that has not ended without a file. */
const findRound = async (
  dependencies: DirectDependencies,
  request: OpenRequest,
  { resolved, choose }: { resolved: ResolvedRequest; choose: () => Promise<Plan> },
): Promise<{ id: string; plan: Plan; earlier: Session | undefined }> => {
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const { id, planKey } = idsOf(request, round);
    const findSession = async (): Promise<Session | undefined> => {
      const entry = await dependencies.ledger.read(uploadKey(id));
      return entry === undefined ? undefined : sessionSchema.parse(entry.record);
    };
    const asked = { request: resolved, planKey, choose };
    const { plan, session: earlier } = await claimPlan(dependencies, request, asked, findSession);
    if (earlier?.over === undefined) return { id, plan, earlier };
  }
  throw new CourierError('digest-mismatch', {
    detail: `${MAX_ROUNDS} uploads with this key ended with other bytes than were announced, or in the trash.`,
    remedy: 'Find out what changes the bytes on their way, and send the file with a new Idempotency-Key.',
  });
};

interface Opening {
  dependencies: DirectDependencies;
  request: OpenRequest;
  resolved: ResolvedRequest;
  context: CallContext;
  choose: () => Promise<Plan>;
}

/** How often the id of a name may turn out to be used up. */
const MAX_SPENT_IDS = 3;

/**
 * Drive never accepts an id for a second file, even if the first one was deleted before any delivery saw it. The name is then
 * given another id; a file that Drive does show is found when the upload is planned again.
 * @returns whether another plan is to be expected
 */
const replaceSpentId = async (
  { dependencies: { ledger, log, now, sleep = realSleep }, resolved, context }: Opening,
  plan: Plan,
  error: unknown,
): Promise<boolean> => {
  if (plan.kind !== 'create' || plan.nameKey === undefined) return false;
  if (!(error instanceof CourierError) || error.reason !== 'fileIdInUse') return false;
  const { destination, name } = resolved;
  const { drive } = destination;
  const { fileId: unusable, folderId } = plan;
  const ask = () => drive.get(unusable, context);
  const again = { ask, sleep, signal: context.signal };
  if ((await askUntilFound(await ask(), again)) === undefined) {
    await resolveNamedFile({ drive, ledger, folderId, name, context, log, now, sleep, unusable, mayBeHidden: true });
  }
  return true;
};

/** Saves a session that Drive has opened. If another try of the key was faster, its session is the answer. */
const saveSession = async (
  { dependencies: { ledger, log }, request: { caller, options, idempotencyKey }, resolved }: Opening,
  { id, plan }: { id: string; plan: Plan },
  drives: Pick<Session, 'formerRevisionId' | 'sessionUri' | 'expiresAtMs'>,
): Promise<OpenedUpload> => {
  const { name, path } = resolved;
  const destination = resolved.destination.name;
  const { size, mimeType, properties } = options;
  const session: Session = {
    callerSub: caller.sub,
    idempotencyKey,
    options: {
      ...{ destination, name, path, size, mimeType },
      properties: properties && { ...properties },
    },
    plan: planSchema.parse(plan),
    ...drives,
  };
  const { entry, mine } = await ledger.claim(uploadKey(id), {
    fileId: plan.fileId,
    fingerprint: '',
    state: 'claimed',
    record: session,
    claimedAtMs: resolved.sinceMs,
  });
  const audit = { uploadId: id, caller: callerName(caller), destination, name, size };
  log.info({ audit }, 'upload session opened');
  return asOpened(id, sessionSchema.parse(entry.record), mine);
};

/**
 * Waits for requests of another delivery that has ended, if Drive may still carry them out. The caller sends the bytes without
 * the lease of the file, so such a request could overwrite them.
 * @returns whether it has waited. The file may have changed meanwhile
 */
const waitForEarlierDelivery = async (
  { dependencies: { ledger, now, sleep = realSleep }, context }: Opening,
  { kind, fileId }: Plan,
): Promise<boolean> =>
  kind === 'replace' &&
  waitForAbandonedWork(ledger, fileLeaseKey(fileId), 'Another delivery to this file', context, { now, sleep });

const openRound = async (opening: Opening, spentIds = 0): Promise<OpenedUpload> => {
  const { dependencies, request, resolved, context } = opening;
  const { destination, name } = resolved;
  const { id, plan, earlier } = await findRound(dependencies, request, opening);
  if (earlier !== undefined) return asOpened(id, earlier, false);
  if (plan.kind === 'skip') {
    throw new CourierError('name-taken', {
      detail: `"${name}" is already in the folder; with onConflict=skip there is nothing to send.`,
    });
  }
  if (await waitForEarlierDelivery(opening, plan)) return openRound(opening, spentIds);
  const former = plan.kind === 'replace' ? await destination.drive.get(plan.fileId, context) : undefined;
  try {
    const opened = await openSession(resolved, plan, request, context);
    const formerRevisionId = former?.headRevisionId;
    const drives = formerRevisionId === undefined ? opened : { ...opened, formerRevisionId };
    return await saveSession(opening, { id, plan }, drives);
  } catch (error) {
    if (spentIds >= MAX_SPENT_IDS || !(await replaceSpentId(opening, plan, error))) throw error;
    return openRound(opening, spentIds + 1);
  }
};

/** `POST /v1/uploads`. The same key gets the same session again. @throws CourierError as a delivery does */
export const createOpenUpload =
  (shared: DirectDependencies) =>
  async (request: OpenRequest): Promise<OpenedUpload> => {
    const { caller, options, signal, deadlineMs } = request;
    const dependencies = { ...shared, ledger: ledgerOf(shared.ledger, caller.sub) };
    const { ledger, now, wall, log, sleep } = dependencies;
    const context: CallContext = { signal, deadlineMs };
    const destination = dependencies.allow(caller, options.destination);
    checkSize(options.size, destination);
    const folder = folderOf(destination);
    const asked = resolveOptions(destination, options, { caller, sinceMs: wall() });
    refuseConversion(asked);
    await checkRequest(asked, options);
    return asNextAccount(asked, (resolved) => {
      const choose = async (): Promise<Plan> => {
        // Throws if no account takes new files. A session that was opened before is answered nevertheless.
        accountFor(resolved, undefined);
        const { folderId } = await resolved.destination.folders.ensure(folder, resolved.path, context);
        const planning = { request: resolved, folderId, source: options, ledger, log, context, now, sleep };
        return refuseReadOnly(await choosePlan(planning), resolved, context);
      };
      const time = { ...context, ...quotaOf(resolved.destination) };
      return againInFreshFolder({ request: resolved, context }, () =>
        openRound({ dependencies, request, resolved, context: time, choose }),
      );
    });
  };
