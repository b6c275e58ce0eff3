import type { CallerLimits } from '../caller-limits/caller-limits.ts';
import type { AnnouncedDelivery } from '../delivery/checks/check-request.ts';
import type { Caller, ConflictRule, Conversion, Delivery, DeliveryOptions, Receipt } from '../domain.ts';
import type { CourierError } from '../errors.ts';
import type { OpenedQuery } from '../exports/bigquery/open-query.ts';
import type { Prefix } from '../exports/prefix/prefix.ts';
import type { OpenedPrefix } from '../exports/prefix/prefix-access.ts';
import type { QuerySource } from '../exports/query-source.ts';
import type { SourceRequest } from '../exports/source-access.ts';
import type { ObjectSource } from '../exports/sources/cloud-storage.ts';
import type { ObjectName } from '../exports/sources/object-name.ts';
import type { PushGrant } from '../identity/push.ts';
import type { Log } from '../log.ts';
import type { PubsubMessage } from '../pubsub/message.ts';
import type { MessageOrigin, NewMessage } from '../pubsub/publish.ts';
import type { Telemetry } from '../telemetry.ts';
import type { Shares, Slots } from './capacity.ts';
import type { DocumentMemory } from './document-memory.ts';
import type { MinThroughput } from './request/incoming-request.ts';

/** A destination as its callers see it: no folder ids and no accounts. */
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
  idempotencyKey?: string | undefined;
  signal: AbortSignal;
  /** Epoch milliseconds. */
  deadlineMs: number;
}

export interface UploadSession {
  id: string;
  /** A secret: anyone with this URL can write the file. */
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

/** Whether deliveries would succeed. The response is public, so it contains no names of this installation. */
export interface Readiness {
  ok: boolean;
  findings: { check: string; detail: string }[];
}

/** Everything that the routes need. The composition root provides it; each route declares the members that it uses. */
export interface HttpDependencies {
  /** The caller of a request, from its headers alone. @throws CourierError 401 codes, `google-unavailable` */
  authenticate(headers: Headers): Promise<Caller>;
  /** The sender of a Pub/Sub push: the account of some configured subscription. @throws CourierError 401 codes, `caller-not-allowed`, `google-unavailable` */
  authenticatePush(headers: Headers): Promise<Caller>;
  /** What a push may do; undefined unless the caller is the account of this subscription. */
  mayPush(caller: Caller, subscription: string): PushGrant | undefined;
  /** What CloudEvents may do. The platform has already authenticated their sender. */
  eventGrant: PushGrant;
  /**
   * Rejects an unauthorized caller before its body is read. Call it before a slot is taken.
   * @throws CourierError `destination-forbidden`
   */
  authorize(announced: AnnouncedDelivery): void;
  deliver(delivery: Delivery): Promise<Receipt>;
  /**
   * Opens an object of Cloud Storage that may be delivered to the destination of the request. It is read with the
   * courier's own identity.
   * @throws CourierError `destination-forbidden`, `source-not-found`, `source-forbidden`, `google-unavailable`
   */
  openObject(name: ObjectName, request: SourceRequest): Promise<ObjectSource>;
  /**
   * Opens a query of the configuration that the caller may run for the destination of the request. It runs with the courier's
   * own identity, when its bytes are read.
   * @throws CourierError `destination-forbidden`, `query-not-found`, `request-invalid`
   */
  openQuery(asked: QuerySource, request: SourceRequest): Promise<OpenedQuery>;
  /**
   * Opens a prefix of Cloud Storage whose objects may be delivered to the destination of the request.
   * @throws CourierError `destination-forbidden`, `source-not-found`; its listing `source-forbidden`, `google-unavailable`
   */
  openPrefix(prefix: Prefix, request: SourceRequest): Promise<OpenedPrefix>;
  /** Publishes a message that can never be delivered, with the reason; false if no dead-letter topic is configured. @throws CourierError `google-unavailable` */
  deadLetter(message: PubsubMessage, reason: CourierError): Promise<boolean>;
  /** Publishes messages to the topic from which another one came. @throws CourierError `google-unavailable` */
  publishAgain(origin: MessageOrigin, messages: readonly NewMessage[]): Promise<void>;
  /** Clears the cached values of a secret that has a new version. @param secret `projects/PROJECT/secrets/NAME` */
  secretRotated(secret: string): void;
  destinations(caller: Caller): DestinationSummary[];
  openUpload(request: UploadSessionRequest): Promise<UploadSession>;
  completeUpload(request: {
    id: string;
    caller: Caller;
    sha256?: string | undefined;
    signal: AbortSignal;
    deadlineMs: number;
  }): Promise<Receipt>;
  /** @throws CourierError `caller-not-allowed` unless the caller is an operator */
  doctor(caller: Caller, options: { write: boolean }): Promise<DoctorReport>;
  /** True from SIGTERM on: new requests are answered 503 `shutting-down`. */
  stopping(): boolean;
  requestSeconds: number;
  /** The largest body that this form of the app accepts, in bytes (a platform limit of the function); undefined: no limit. */
  maxBodyBytes: number | undefined;
  version: string;
  /** The commit that this was built from; null if unknown. */
  commit: string | null;
  /** Where idempotency keys are stored. `memory` lasts only as long as this instance. */
  ledgerKind: 'memory' | 'firestore';
  /** Whether deliveries would succeed; the result is cached. */
  ready(): Promise<Readiness>;
  /** The maximum number of concurrent deliveries of one caller; further ones are answered 429 `busy`. */
  concurrentUploads: number;
  /** The limits of each caller, loaded with the first request; undefined if none are configured. */
  callerLimits?: (() => Promise<Pick<CallerLimits, 'hold' | 'fields'>>) | undefined;
  /** The project in the trace fields of log lines; undefined if unknown. */
  project?: string | undefined;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
  telemetry?: Telemetry | undefined;
}

/** The capacity that the requests of one instance share, and the minimum throughput of their bodies. */
export interface Capacity {
  slots: Slots;
  memory: DocumentMemory;
  /** The memory for lines of responses that their callers have not read yet. */
  lines: Shares;
  /** Default: the minimum throughput of each route. */
  minThroughput: MinThroughput | undefined;
}
