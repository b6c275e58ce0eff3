import { callerName, type Delivery, type Outcome, type Receipt } from '../domain.ts';
import type { CallContext, Drive, DriveFile } from '../drive/drive.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { replay } from './idempotency.ts';
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
  ledger: Pick<Ledger, 'isShared'>;
}

/** The proof of a delivery, from Drive's own description of the file. */
export const receiptOf = ({
  request,
  delivery,
  file,
  folderId,
  outcome,
  received,
  warnings = [],
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
  ...(warnings.length > 0 ? { warnings: [...warnings] } : {}),
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

/** The receipt of an earlier try, once the bytes of this one are seen to be the same. */
export const replayReceipt = async (
  { delivery, request, context, now }: DeliveryContext,
  receipt: Receipt,
): Promise<Receipt> => {
  const { source, expectedSha256 } = delivery;
  const { drive, config } = request.destination;
  const again = await replay(receipt, { source, expectedSha256, maxBytes: config.maxBytes });
  return withTrashWarning(again, drive, context, now());
};
