import type { Caller, ConflictRule, Conversion, Delivery, DeliveryOptions, Receipt } from '../domain.ts';
import type { CourierError } from '../errors.ts';
import type { PushGrant } from '../identity/push.ts';
import type { Log } from '../log.ts';
import type { ObjectName, ObjectSource } from '../exports/sources/cloud-storage.ts';
import type { SourceRequest } from '../exports/source-access.ts';
import type { AnnouncedDelivery } from '../delivery/authorize.ts';
import type { Telemetry } from '../telemetry.ts';
import type { PubsubMessage } from '../pubsub/message.ts';

/** A destination as its callers may see it: no folder ids, no accounts. */
export interface DestinationSummary {
  name: string;
  path: string;
  onConflict: ConflictRule;
  convertTo: Conversion | null;
  /** Bytes. */
  maxBytes: number;
}

export interface UploadSessionRequest {
  caller: Caller;
  options: DeliveryOptions & { mimeType: string; size: number };
  idempotencyKey?: string;
  signal: AbortSignal;
  deadlineMs: number;
}

export interface UploadSession {
  id: string;
  /** A secret: whoever has it may write the file. */
  uploadUrl: string;
  expiresTime: string;
  chunkGranularity: 262_144;
}

export interface DoctorReport {
  ok: boolean;
  findings: { check: string; result: 'failed' | 'warned'; detail: string; remedy?: string; destinations: string[] }[];
  destinations: Record<
    string,
    {
      ok: boolean;
      checks: { check: string; result: 'passed' | 'warned' | 'failed' | 'skipped'; detail: string; remedy?: string }[];
    }
  >;
}

/** Whether deliveries would work, for anybody who asks: no names. */
export interface Readiness {
  ok: boolean;
  findings: { check: string; detail: string }[];
}

/** What the entries are given; the composition root fills it. */
export interface Services {
  /** The caller of a request, from its headers alone. @throws CourierError 401 codes, `google-unavailable` */
  authenticate(headers: Headers): Promise<Caller>;
  /** The push's sender, and that it is the account configured for this subscription. @throws CourierError 401, 403 */
  authenticatePush(headers: Headers): Promise<Caller>;
  /** What this push may do; undefined unless the caller is this very subscription's account. */
  mayPush(caller: Caller, subscription: string): PushGrant | undefined;
  /** What events may do whose sender the platform has checked (`courierEvent`). */
  eventGrant: PushGrant;
  /**
   * Refuses a caller before its body is read; to be asked before a slot is taken.
   * @throws CourierError `destination-forbidden`
   */
  authorize(announced: AnnouncedDelivery): void;
  deliver(delivery: Delivery): Promise<Receipt>;
  /**
   * An object of Cloud Storage, if it may be delivered there; read with the runtime's own identity.
   * @throws CourierError `destination-forbidden`, `source-not-found`, `source-forbidden`, `google-unavailable`
   */
  openObject(name: ObjectName, request: SourceRequest): Promise<ObjectSource>;
  /** Publishes a message that can never be delivered, with the reason; false where no topic is configured. @throws CourierError `google-unavailable` */
  deadLetter(message: PubsubMessage, reason: CourierError): Promise<boolean>;
  /** A secret has a new version: what is cached of it is dropped. `projects/PROJECT/secrets/NAME` */
  secretRotated(secret: string): void;
  destinations(caller: Caller): DestinationSummary[];
  openUpload(request: UploadSessionRequest): Promise<UploadSession>;
  completeUpload(request: {
    id: string;
    caller: Caller;
    sha256?: string;
    signal: AbortSignal;
    deadlineMs: number;
  }): Promise<Receipt>;
  /** @throws CourierError `caller-not-allowed` unless the caller is an operator. */
  doctor(caller: Caller, options: { write: boolean }): Promise<DoctorReport>;
  /** True from SIGTERM on: new work is answered 503 `shutting-down`. */
  stopping(): boolean;
  requestSeconds: number;
  /** Largest body that this form of the app takes, in bytes (the function's platform limit); undefined: no limit. */
  maxBodyBytes: number | undefined;
  version: string;
  /** The commit that this was built from; null where nobody said. */
  commit: string | null;
  /** Where keys are remembered: `memory` is the weaker promise, good for one instance until it ends. */
  ledgerKind: 'memory' | 'firestore';
  /** Whether deliveries would work; looked at once in a while, however many ask. */
  ready(): Promise<Readiness>;
  /** Deliveries in hand at once; one more is answered 429 `busy`. */
  concurrentUploads: number;
  /** Names the project in the logs' trace fields; undefined where it is not known. */
  project?: string | undefined;
  now: () => number;
  log: Log;
  telemetry?: Telemetry | undefined;
}
