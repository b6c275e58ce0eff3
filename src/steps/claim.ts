import { createHash } from 'node:crypto';
import type { Caller, Receipt, Source } from '../delivery.ts';
import { checkDigest } from '../digest.ts';
import { pastMaxBytes } from '../drive/past-max-bytes.ts';
import { CourierError } from '../errors.ts';
import type { Ledger, LedgerEntry } from '../ledger/ledger.ts';
import type { Plan } from './plan.ts';

/** The ledger's key for a caller's Idempotency-Key: nobody can replay another caller's. */
export const deliveryKey = (caller: Caller, idempotencyKey: string): string =>
  `delivery:${JSON.stringify([caller.sub, idempotencyKey])}`;

/** Short enough for an appProperty (124 bytes with its name), long enough to be unique. */
export const keyMark = (key: string): string => createHash('sha256').update(key).digest('base64url').slice(0, 32);

/** What a claimed entry carries until its receipt replaces it. */
export interface ClaimRecord {
  plan: Plan;
  /** A resumable session that a later try may go on with. */
  sessionUri?: string;
}

export interface Claim {
  key: string;
  plan: Plan;
  /** The session of an earlier try, when one was kept. */
  sessionUri?: string;
  mine: boolean;
  claimedAtMs: number;
}

const reused = (why: string): CourierError => new CourierError('idempotency-key-reused', { detail: why });

/** Refuses a key that was used for another request. */
export const sameRequest = (entry: LedgerEntry, fingerprint: string): void => {
  if (entry.fingerprint !== fingerprint) {
    throw reused('The key was first used with another destination, name, path, conversion, source or way of sending.');
  }
};

const asClaim = (key: string, entry: LedgerEntry, mine: boolean): Claim => {
  const { plan, sessionUri } = entry.record as ClaimRecord;
  return { key, plan, mine, claimedAtMs: entry.claimedAtMs, ...(sessionUri === undefined ? {} : { sessionUri }) };
};

/** What is known of a key: nothing, somebody's claim on the way, or the receipt of a finished delivery. */
export const lookUp = async (
  ledger: Ledger,
  key: string,
  fingerprint: string,
): Promise<{ claim: Claim } | { receipt: Receipt } | undefined> => {
  const entry = await ledger.read(key);
  if (entry === undefined) return undefined;
  sameRequest(entry, fingerprint);
  return entry.state === 'done' ? { receipt: entry.record as Receipt } : { claim: asClaim(key, entry, false) };
};

/** Claims the key for a plan; whoever came first decides the plan for all. */
export const claimKey = async (
  ledger: Ledger,
  { key, fingerprint, plan, nowMs }: { key: string; fingerprint: string; plan: Plan; nowMs: number },
): Promise<{ claim: Claim } | { receipt: Receipt }> => {
  const record: ClaimRecord = { plan };
  const { entry, mine } = await ledger.claim(key, {
    fileId: plan.fileId,
    fingerprint,
    state: 'claimed',
    record,
    claimedAtMs: nowMs,
  });
  sameRequest(entry, fingerprint);
  return entry.state === 'done' ? { receipt: entry.record as Receipt } : { claim: asClaim(key, entry, mine) };
};

/** Hex SHA-256 and size of a source's bytes, read to their end. @throws CourierError `too-large` past `maxBytes` */
export const hashOf = async (source: Source, maxBytes: number): Promise<{ sha256: string; size: number }> => {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of source.open()) {
    size += chunk.byteLength;
    if (size > maxBytes) throw pastMaxBytes(`The file has more than ${maxBytes} bytes.`);
    hash.update(chunk);
  }
  return { sha256: hash.digest('hex'), size };
};

/** The receipt of the first delivery, once the bytes of this one are seen to be the same. */
export const replay = async (
  receipt: Receipt,
  { source, maxBytes, expectedSha256 }: { source: Source; maxBytes: number; expectedSha256?: string | undefined },
): Promise<Receipt> => {
  if (receipt.outcome === 'skipped') return receipt;
  // An identity names its bytes for good, and it is part of the fingerprint: nothing new could be read.
  if (source.identity === undefined) {
    const { sha256 } = await hashOf(source, maxBytes);
    checkDigest(expectedSha256, sha256);
    sameBytes(sha256, receipt.sha256);
  }
  return { ...receipt, outcome: 'replayed' };
};

/**
 * The first bytes under a key are the only ones: claimed before they become the file's, where Drive itself would not
 * notice others (an update, a conversion).
 */
export const claimBytes = async (ledger: Ledger, key: string, sha256: string, nowMs: number): Promise<void> => {
  const { entry } = await ledger.claim(`${key}:bytes`, {
    fileId: '',
    fingerprint: sha256,
    state: 'claimed',
    claimedAtMs: nowMs,
  });
  sameBytes(sha256, entry.fingerprint);
};

/** The receipt that a key has by now: another try has answered meanwhile. */
export const readReceipt = async (ledger: Ledger, key: string): Promise<Receipt | undefined> => {
  const entry = await ledger.read(key);
  return entry?.state === 'done' ? (entry.record as Receipt) : undefined;
};

/** How long a conversion that was begun may still come to its end, in milliseconds. */
const CONVERSION_PATIENCE_MS = 60_000;

/**
 * Drive takes no id for a conversion, so the ledger lets one try at a time make it. A try that was let and never answered
 * has ended one way or the other after a while; then the next one is let.
 * @returns the key of the permission, and whether an earlier try had one; or how long the try that has it may take yet
 */
export const claimConversion = async (
  ledger: Ledger,
  key: string,
  nowMs: number,
): Promise<{ permission: string; isFirst: boolean } | { leftMs: number }> => {
  for (let turn = 0; ; turn++) {
    const permission = `${key}:convert:${turn}`;
    const wanted = { fileId: '', fingerprint: '', state: 'claimed', claimedAtMs: nowMs } as const;
    const { entry, mine } = await ledger.claim(permission, wanted);
    if (mine) return { permission, isFirst: turn === 0 };
    const leftMs = entry.claimedAtMs + CONVERSION_PATIENCE_MS - nowMs;
    if (leftMs > 0 && entry.state !== 'done') return { leftMs };
  }
};

/** Refuses a key that was used with other bytes. `stored` is undefined or null where Drive keeps no checksum. */
export const sameBytes = (received: string, stored: string | null | undefined): void => {
  if (stored != null && received !== stored) throw reused('The key was first used with other bytes.');
};
