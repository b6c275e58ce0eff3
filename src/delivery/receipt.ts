import { createHash } from 'node:crypto';
import {
  callerName,
  checkDigest,
  type Delivery,
  type Outcome,
  type Receipt,
  type SheetReceipt,
  type Source,
} from '../domain.ts';
import type { CallContext, Drive, DriveFile } from '../drive/drive.ts';
import { pastMaxBytes } from '../drive/past-max-bytes.ts';
import { CourierError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { asReplay, type Claim, sameBytes } from './idempotency.ts';
import type { DeliveryContext, ResolvedRequest } from './resolve-options.ts';

/** How long a repeated receipt waits for Drive to show its file, in milliseconds. */
const COURTESY_MS = 2_000;

export const IN_TRASH = 'The file is in the trash.';

interface Proof {
  request: ResolvedRequest;
  delivery: Pick<Delivery, 'caller' | 'idempotencyKey'>;
  file: DriveFile;
  folderId: string;
  outcome: Outcome;
  /** Of the bytes received; left out when none were (skipped). */
  received?: { sha256: string; size: number };
  warnings?: readonly string[];
  sheet?: SheetReceipt;
  ledger: Pick<Ledger, 'isShared'>;
}

/** The account that has written the file, where the destination has several. */
const accountOf = ({ destination: { accounts } }: ResolvedRequest, outcome: Outcome): Pick<Receipt, 'account'> =>
  accounts === undefined || outcome === 'skipped' ? {} : { account: accounts.account() };

/** The proof of a delivery, from Drive's own description of the file. */
export const receiptOf = ({
  request,
  delivery,
  file,
  folderId,
  outcome,
  received,
  warnings = [],
  sheet,
  ledger,
}: Proof): Receipt => ({
  id: file.id,
  name: file.name,
  mimeType: file.mimeType,
  size: received?.size ?? file.size ?? 0,
  sha256: received?.sha256 ?? file.sha256Checksum ?? null,
  md5: file.md5Checksum ?? null,
  destination: request.destination.name,
  path: request.path,
  folderId: file.parents[0] ?? folderId,
  webViewLink: file.webViewLink,
  outcome,
  createdTime: file.createdTime,
  modifiedTime: file.modifiedTime,
  caller: callerName(delivery.caller),
  idempotencyKey: delivery.idempotencyKey ?? null,
  ...(sheet === undefined ? {} : { sheet }),
  ...(warnings.length > 0 ? { warnings: [...warnings] } : {}),
  ...accountOf(request, outcome),
  ...(ledger.isShared ? {} : { once: 'instance' as const }),
});

/**
 * A repeated receipt stays as it was, but gets a warning if its file is now in the trash or not visible. If Drive does not
 * answer in time, the receipt is returned without a warning.
 */
export const withTrashWarning = async (
  receipt: Receipt,
  drive: Pick<Drive, 'get'>,
  { deadlineMs = Infinity, ...context }: CallContext,
  nowMs: number,
): Promise<Receipt> => {
  const inTime = { ...context, deadlineMs: Math.min(deadlineMs, nowMs + COURTESY_MS) };
  const warning = await drive.get(receipt.id, inTime).then(
    (file) => {
      if (file === undefined)
        return 'Drive no longer shows the file: it was deleted, or is no longer shared with the account.';
      return file.trashed ? IN_TRASH : undefined;
    },
    () => undefined,
  );
  const { warnings = [] } = receipt;
  return warning === undefined || warnings.includes(warning)
    ? receipt
    : { ...receipt, warnings: [...warnings, warning] };
};

/** The receipt of an earlier try, after a check that this one has the same bytes. */
export const replayReceipt = async (
  { delivery, request, context, now }: DeliveryContext,
  receipt: Receipt,
): Promise<Receipt> => {
  const { source, expectedSha256 } = delivery;
  const { drive, config } = request.destination;
  const again = await replay(receipt, { source, expectedSha256, maxBytes: config.maxBytes });
  return withTrashWarning(again, drive, context, now());
};

/**
 * Pauses before another attempt to record the receipt, in milliseconds. It is worth waiting, because a caller that gets an
 * error sends all its bytes again.
 */
const RETRY_WAITS_MS = [500, 2_000];

/**
 * No attempt begins later than this after the first one. While the ledger is unavailable, the lease of a replaced file
 * cannot be renewed, and the next delivery takes it over when it has expired.
 */
const RETRY_WITHIN_MS = 10_000;

/** Time before the deadline that is kept for the answer. */
const RECORD_MARGIN_MS = 3_000;

type Recording = Pick<DeliveryContext, 'context' | 'log' | 'now' | 'sleep'>;

/** Waits before another attempt. @returns false if there is no time for one, or the caller left */
const pause = async (waitMs: number, startedMs: number, { context, now, sleep }: Recording): Promise<boolean> => {
  const { signal, deadlineMs = Number.POSITIVE_INFINITY } = context;
  if (now() + waitMs > Math.min(startedMs + RETRY_WITHIN_MS, deadlineMs - RECORD_MARGIN_MS)) return false;
  return sleep(waitMs, signal).then(
    () => true,
    () => false,
  );
};

/**
 * Records the receipt under the key, and returns the one that the ledger holds.
 *
 * A delivery whose receipt is not recorded is not answered as delivered, even if Drive shows its file: a person may delete
 * or trash that file, or others may replace and move it. A later copy of the delivery could then not know that it was
 * answered, and would write its bytes a second time.
 * @throws CourierError `google-unavailable` if the ledger cannot store it
 */
export const recordReceipt = async (
  deliveryContext: Recording,
  claim: Claim | undefined,
  receipt: Receipt,
): Promise<Receipt> => {
  const { log, now } = deliveryContext;
  // Without a key there is nothing to record.
  if (claim === undefined) return receipt;
  const startedMs = now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await claim.finish(receipt);
    } catch (error) {
      log.warn({ error, fileId: receipt.id }, 'the receipt could not be recorded');
      const waitMs = RETRY_WAITS_MS[attempt];
      if (waitMs !== undefined && (await pause(waitMs, startedMs, deliveryContext))) continue;
      throw new CourierError('google-unavailable', {
        detail: 'The file is stored, but its receipt could not be recorded.',
        remedy: "Retry with the same Idempotency-Key: this won't create a duplicate.",
        cause: error,
      });
    }
  }
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

/** The receipt of the first delivery, after a check that this one has the same bytes. */
export const replay = async (
  receipt: Receipt,
  { source, maxBytes, expectedSha256 }: { source: Source; maxBytes: number; expectedSha256?: string | undefined },
): Promise<Receipt> => {
  if (receipt.outcome === 'skipped') return receipt;
  // A source with an identity always has the same bytes, and the fingerprint has compared the identity.
  if (source.identity === undefined) {
    const { sha256 } = await hashOf(source, maxBytes);
    checkDigest(expectedSha256, sha256);
    sameBytes(sha256, receipt.sha256);
  }
  return asReplay(receipt);
};
