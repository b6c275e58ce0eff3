import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { OnReceipt } from '../delivery/audit.ts';
import { deliveryKey, keyMark } from '../delivery/idempotency.ts';
import type { Allow } from '../delivery/resolve-options.ts';
import { type Caller, CONFLICT_RULES } from '../domain.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import type { Sleep } from '../sleep.ts';
import type { Clocks } from '../steady-clock.ts';
import type { Telemetry } from '../telemetry.ts';

/** An upload session: the courier opens it, the caller sends the bytes to Drive, and the courier checks what Drive received. */

export interface DirectDependencies extends Clocks {
  allow: Allow;
  ledger: Ledger;
  log: Log;
  telemetry?: Telemetry | undefined;
  onReceipt?: OnReceipt | undefined;
  /** Default: real time. */
  sleep?: Sleep | undefined;
}

export const planSchema = z.object({
  kind: z.enum(['create', 'replace']),
  fileId: z.string(),
  folderId: z.string(),
  credentials: z.string().optional(),
  rule: z.enum(CONFLICT_RULES).optional(),
  nameKey: z.string().optional(),
});

/** What the ledger keeps for an open upload. The session URI is only here and in the caller's response. */
export const sessionSchema = z.object({
  callerSub: z.string(),
  idempotencyKey: z.string().optional(),
  options: z.object({
    destination: z.string(),
    name: z.string(),
    path: z.string(),
    size: z.number(),
    mimeType: z.string(),
    /** For the labels of the destination. */
    properties: z.record(z.string(), z.string()).optional(),
  }),
  plan: planSchema,
  /** Of a file that is replaced, the revision that was its head when the session was opened. */
  formerRevisionId: z.string().optional(),
  sessionUri: z.string(),
  expiresAtMs: z.number(),
  /** When Drive first did not show the new file of the session, which has ended; in epoch milliseconds of Drive's clock. */
  missedSinceMs: z.number().optional(),
  /** Why the upload has ended without a file. The next upload with the same key is a new one. */
  over: z.enum(['other-bytes', 'trashed', 'moved', 'gone']).optional(),
});
export type Session = z.infer<typeof sessionSchema>;

export const uploadKey = (id: string): string => `upload:${id}`;

/** The ledger key of the outcome of an upload, which is the same for all tries to complete it. */
export const verdictKey = (id: string): string => `verdict:${id}`;

/** Whether a text has the form of an upload's id: derived from the key, or a UUID. */
export const isUploadId = (text: string): boolean => /^(?:[\w-]{32}|[\da-f-]{36})$/.test(text);

/** The ids under which an upload is stored. If it has an Idempotency-Key, both are derived from it. */
interface UploadIds {
  id: string;
  /** The ledger's key for the plan. */
  planKey: string | undefined;
}

/** @param round counts the uploads with one key, starting at 1 */
export const idsOf = (
  { caller, idempotencyKey }: { caller: Caller; idempotencyKey?: string | undefined },
  round: number,
): UploadIds => {
  if (idempotencyKey === undefined) return { id: randomUUID(), planKey: undefined };
  const first = deliveryKey(caller, idempotencyKey);
  const planKey = round === 1 ? first : `${first}:upload:${round}`;
  return { id: keyMark(`upload:${planKey}`), planKey };
};
