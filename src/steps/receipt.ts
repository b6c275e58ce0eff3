import { callerName, type Delivery, type Outcome, type Receipt } from '../delivery.ts';
import type { DriveFile } from '../drive/drive.ts';
import type { Order } from './settle.ts';

interface Proof {
  order: Order;
  delivery: Pick<Delivery, 'caller' | 'idempotencyKey'>;
  file: DriveFile;
  folderId: string;
  outcome: Outcome;
  /** Of the bytes received; left out when none were (skipped). */
  received?: { sha256: string; size: number };
  warnings?: readonly string[];
}

/** The proof of a delivery, from Drive's own words about the file. */
export const receiptOf = ({ order, delivery, file, folderId, outcome, received, warnings = [] }: Proof): Receipt => ({
  id: file.id,
  name: file.name,
  mimeType: file.mimeType,
  size: received?.size ?? file.size ?? 0,
  sha256: received?.sha256 ?? file.sha256Checksum ?? null,
  md5: file.md5Checksum ?? null,
  destination: order.place.name,
  path: order.path,
  folderId: file.parents[0] ?? folderId,
  webViewLink: file.webViewLink,
  outcome,
  createdTime: file.createdTime,
  modifiedTime: file.modifiedTime,
  caller: callerName(delivery.caller),
  idempotencyKey: delivery.idempotencyKey ?? null,
  ...(warnings.length > 0 ? { warnings: [...warnings] } : {}),
});
