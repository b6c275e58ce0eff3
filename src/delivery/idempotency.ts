import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Caller, Delivery, Receipt } from '../domain.ts';
import type { DriveFile, UploadTarget } from '../drive/drive.ts';
import { CourierError } from '../errors.ts';
import type { Ledger, LedgerEntry, StoredEntry } from '../ledger/ledger.ts';
import { keepWhileHidden } from './hidden-file.ts';
import type { Plan } from './plan.ts';
import type { DeliveryContext } from './resolve-options.ts';

/** The ledger's key for a caller's Idempotency-Key: nobody can replay another caller's. */
export const deliveryKey = (caller: Caller, idempotencyKey: string): string =>
  `delivery:${JSON.stringify([caller.sub, idempotencyKey])}`;

/** Short enough for a private property (124 bytes with its name), and long enough to be unique. */
export const keyMark = (key: string): string => createHash('sha256').update(key).digest('base64url').slice(0, 32);

/** The record of a claimed entry, until the receipt replaces it. */
interface ClaimRecord {
  plan: Plan;
  /** Of the key's bytes, in lower-case hex. It is recorded before a request that can make them the content of a file. */
  sha256?: string;
  /** When Drive first refused the plan's id without showing its file, in epoch milliseconds of Drive's clock. */
  missedSinceMs?: number | undefined;
}

const reused = (why: string): CourierError => new CourierError('idempotency-key-reused', { detail: why });

/** Refuses a key that was used for another request. */
export const sameRequest = (entry: LedgerEntry, fingerprint: string): void => {
  if (entry.fingerprint !== fingerprint) {
    throw reused('The key was first used with another destination, name, path, conversion, source or way of sending.');
  }
};

/** Refuses a key that was used with other bytes. `stored` is undefined or null where Drive keeps no checksum. */
export const sameBytes = (received: string, stored: string | null | undefined): void => {
  if (stored != null && received !== stored) throw reused('The key was first used with other bytes.');
};

export const isSamePlan = (one: Plan, other: Plan): boolean => JSON.stringify(one) === JSON.stringify(other);

/**
 * A key that this try works on, and what the ledger holds for it. Every change is a compare-and-set: if another try was
 * faster, this one learns what it has written, and a finished key stays finished.
 */
export interface Claim {
  readonly key: string;
  /** True if this try was the first. */
  readonly mine: boolean;
  /** When the first try claimed it, in epoch milliseconds. */
  readonly claimedAtMs: number;
  /** What is to be done; the same for all tries. */
  plan(): Plan;
  /** SHA-256 of the key's bytes in lower-case hex, once a try was about to make them the content of a file. */
  sha256(): string | undefined;
  /** The receipt that the ledger has now, if another try has finished. */
  refresh(): Promise<Receipt | undefined>;
  /** Replaces the plan for all tries; returns the receipt if another try has finished. Call `plan()` again afterwards. */
  revise(plan: Plan): Promise<Receipt | undefined>;
  /**
   * Notes the key's bytes before they become a file's: the first bytes under a key are the only ones.
   * @returns `committed`: continue; `revised`: another try has changed the plan
   * @throws CourierError `idempotency-key-reused`
   */
  commitTo(sha256: string, plan: Plan): Promise<'committed' | 'revised' | { receipt: Receipt }>;
  /**
   * For an id of the plan that Drive refuses, without showing its file.
   * @param now Drive's clock
   * @throws CourierError `drive-unavailable` as long as Drive may only hide the file
   */
  keepWhileHidden(now: () => number): Promise<void>;
  /** Whether the receipt is recorded, as far as this try knows. */
  isFinished(): boolean;
  /** Records the receipt, unless another try was faster; returns the one that is recorded. */
  finish(receipt: Receipt): Promise<Receipt>;
}

/** The answer to a later try. A delivery that was skipped is skipped again. */
export const asReplay = (receipt: Receipt): Receipt =>
  receipt.outcome === 'skipped' ? receipt : { ...receipt, outcome: 'replayed' };

/**
 * The answer of a try whose receipt came after that of another try. If the other one has only found the file that this one
 * created, this one is told that it was created, so that the delivery counts as one.
 */
const asAnswer = (finished: Receipt, own: Receipt): Receipt =>
  own.outcome === 'created' && own.id === finished.id && finished.outcome === 'replayed'
    ? { ...finished, outcome: 'created' }
    : asReplay(finished);

/** Whether the ledger holds this record: as JSON, where a member that is undefined is one that is not there. */
const isSameJson = (stored: unknown, record: unknown): boolean =>
  isDeepStrictEqual(stored, JSON.parse(JSON.stringify(record)));

/**
 * What the entry of a key says about bytes that are about to become a file's.
 * @returns undefined if they are still to be noted
 * @throws CourierError `idempotency-key-reused`
 */
const judgeCommit = (
  { state, record }: StoredEntry,
  sha256: string,
  plan: Plan,
): Awaited<ReturnType<Claim['commitTo']>> | undefined => {
  if (state === 'done') {
    const receipt = record as Receipt;
    // The receipt of a skipped delivery has the digest of the file that was there.
    if (receipt.outcome !== 'skipped') sameBytes(sha256, receipt.sha256);
    return { receipt };
  }
  const noted = record as ClaimRecord;
  sameBytes(sha256, noted.sha256);
  if (!isSamePlan(noted.plan, plan)) return 'revised';
  return noted.sha256 === undefined ? undefined : 'committed';
};

const createClaim = (ledger: Ledger, key: string, stored: StoredEntry, mine: boolean): Claim => {
  let entry = stored;
  const receipt = (): Receipt | undefined => (entry.state === 'done' ? (entry.record as Receipt) : undefined);
  const record = (): ClaimRecord => entry.record as ClaimRecord;

  const refresh = async (): Promise<Receipt | undefined> => {
    entry = (await ledger.read(key)) ?? entry;
    return receipt();
  };

  const write = async (change: Pick<LedgerEntry, 'state' | 'record'>): Promise<boolean> => {
    const written = await ledger.record(key, change, entry);
    entry = written.entry;
    return written.mine;
  };

  return {
    key,
    mine,
    claimedAtMs: stored.claimedAtMs,
    plan: () => record().plan,
    sha256: () => record().sha256,
    refresh,
    isFinished: () => entry.state === 'done',
    async revise(plan) {
      if (receipt() !== undefined) return receipt();
      const isSameFile = record().plan.fileId === plan.fileId;
      const missed = isSameFile ? {} : { missedSinceMs: undefined };
      await write({ state: 'claimed', record: { ...record(), plan, ...missed } });
      return receipt();
    },
    keepWhileHidden: (now) =>
      keepWhileHidden(
        record(),
        async (missed) => {
          if (receipt() === undefined) await write({ state: 'claimed', record: { ...record(), ...missed } });
          return record();
        },
        now,
      ),
    async commitTo(sha256, plan) {
      // An earlier attempt has noted the bytes, so only one thing may have changed: another try may have finished.
      if (record().sha256 !== undefined) await refresh();
      // Each turn decides on the newest entry. If another try wrote first, this one has read its entry.
      for (;;) {
        const judged = judgeCommit(entry, sha256, plan);
        if (judged !== undefined) return judged;
        if (await write({ state: 'claimed', record: { ...record(), plan, sha256 } })) return 'committed';
      }
    },
    async finish(done) {
      for (;;) {
        const finished = receipt();
        // An earlier call of this try may have recorded it, although its answer was lost.
        if (finished !== undefined) return isSameJson(finished, done) ? done : asAnswer(finished, done);
        if (await write({ state: 'done', record: done })) return done;
      }
    },
  };
};

/** What the ledger holds of a delivery's key. */
export type KeyState =
  /** The delivery has no key. */
  | { state: 'unkeyed' }
  /** No try has claimed the key. */
  | { state: 'free'; key: string; fingerprint: string }
  /** Another try has claimed it, and has not finished. */
  | { state: 'claimed'; claim: Claim }
  | { state: 'done'; receipt: Receipt };

/** A plan for the delivery, before its key is claimed for it. */
export interface Planned {
  state: 'planned';
  key: Exclude<KeyState, { state: 'done' }>;
  plan: Plan;
  /** The file of the plan's id, where Drive has it. */
  existing?: DriveFile | undefined;
}

/** A plan that this delivery may carry out: its key, if it has one, is claimed. */
export interface Ready extends Omit<Planned, 'state' | 'key'> {
  state: 'ready';
  claim: Claim | undefined;
}

const stateOf = (ledger: Ledger, key: string, entry: StoredEntry): KeyState =>
  entry.state === 'done'
    ? { state: 'done', receipt: entry.record as Receipt }
    : { state: 'claimed', claim: createClaim(ledger, key, entry, false) };

/**
 * The fingerprint of what a key is used for, as hex SHA-256: the request as the caller made it, without the destination's
 * defaults, which an operator may change between two tries, and without the file's details (description, times, properties),
 * which may differ between two tries of one file. The bytes are compared by their own hash; an upload session,
 * whose bytes come later, by the size that it announces.
 */
export const fingerprint = (
  way: 'bytes' | 'session',
  {
    options,
    source,
    size,
  }: Pick<Delivery, 'options'> & { source?: { identity?: string | undefined }; size?: number | undefined },
  destination: string,
): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        way,
        destination,
        options.name ?? null,
        options.path ?? null,
        options.convertTo ?? null,
        source?.identity ?? null,
        size ?? null,
        ...(options.tab === undefined ? [] : [options.tab]),
      ]),
    )
    .digest('hex');

/** Looks up a delivery's key. @throws CourierError `idempotency-key-reused` if it was used for another request */
export const lookUpKey = async ({ ledger, delivery, request }: DeliveryContext): Promise<KeyState> => {
  if (delivery.idempotencyKey === undefined) return { state: 'unkeyed' };
  const key = deliveryKey(delivery.caller, delivery.idempotencyKey);
  const print = fingerprint('bytes', delivery, request.destination.name);
  const entry = await ledger.read(key);
  if (entry === undefined) return { state: 'free', key, fingerprint: print };
  sameRequest(entry, print);
  return stateOf(ledger, key, entry);
};

/** Claims a free key for a plan. If another try was first, what that try has written is returned. */
export const claimPlan = async (
  { ledger, request: { sinceMs: claimedAtMs } }: DeliveryContext,
  planned: Planned | KeyState,
): Promise<Ready | KeyState> => {
  if (planned.state !== 'planned') return planned;
  const { key, plan, existing } = planned;
  if (key.state === 'unkeyed') return { state: 'ready', plan, existing, claim: undefined };
  if (key.state === 'claimed') return { state: 'ready', plan, existing, claim: key.claim };
  const record: ClaimRecord = { plan };
  const { fileId } = plan;
  const claimed = { fileId, fingerprint: key.fingerprint, state: 'claimed', record, claimedAtMs } as const;
  const { entry, mine } = await ledger.claim(key.key, claimed);
  sameRequest(entry, key.fingerprint);
  if (!mine || entry.state === 'done') return stateOf(ledger, key.key, entry);
  const claim = createClaim(ledger, key.key, entry, true);
  return { state: 'ready', plan: claim.plan(), existing, claim };
};

/** Private properties (`appProperties`) by which a later try recognizes the file of an earlier one. */

/** Which key the file is for. */
export const KEY_PROPERTY = 'courierKey';

/** Which try made it. */
export const TRY_PROPERTY = 'courierTry';

/** The SHA-256 of the bytes that Drive was sent. */
export const DIGEST_PROPERTY = 'courierSha256';

/** The property that a new file has if its delivery has a key. */
export const keyProperty = (claim: { key: string } | undefined): Record<string, string> =>
  claim === undefined ? {} : { [KEY_PROPERTY]: keyMark(claim.key) };

/** Whether a try of this key has made the file. */
export const isOwnFile = (claim: { key: string } | undefined, { appProperties }: Pick<DriveFile, 'appProperties'>) =>
  claim !== undefined && appProperties[KEY_PROPERTY] === keyMark(claim.key);

/** Whether a file that is about to be created has the digest of its bytes as a property. */
export const carriesDigest = (target: UploadTarget): boolean =>
  target.kind === 'create' && target.file.appProperties?.[DIGEST_PROPERTY] !== undefined;

/** The SHA-256 of the bytes that a key has sent to Drive, if an earlier try has recorded it, in the file or in the ledger. */
export const sentBefore = (claim: Claim | undefined, { appProperties }: DriveFile): string | undefined =>
  appProperties[DIGEST_PROPERTY] ?? claim?.sha256();
