/** The domain's words. Sizes are bytes; times are RFC 3339 UTC unless the name ends in `Ms` (epoch milliseconds). */

/** Who asks, known by a verified token. */
export interface Caller {
  /** Stable subject of the token. */
  sub: string;
  /** Lower-case, and only when the token says that it is verified. */
  email?: string | undefined;
  /**
   * The Google Workspace or Cloud Identity domain that keeps the account (the token's `hd`), lower-case. Consumer accounts
   * have none, whatever domain their address ends in, and service accounts have none.
   */
  hostedDomain?: string | undefined;
}

export const CONFLICT_RULES = ['new', 'replace', 'skip', 'fail'] as const;
/** What happens if the name is taken: another file, the content replaced, nothing, or an error. */
export type ConflictRule = (typeof CONFLICT_RULES)[number];

export const CONVERSIONS = ['sheet', 'doc', 'slides'] as const;
/** A Google format to convert a file to. */
export type Conversion = (typeof CONVERSIONS)[number];

/** A delivery's bytes, read at most once from the start unless `reopen` exists. */
export interface Source {
  /** Undefined until the end is known. */
  size: number | undefined;
  mimeType: string;
  /** Opens the bytes. Throws CourierError: `body-truncated`, `too-large`, `source-not-found`, … A chunk is good until the next is asked for: whoever wants to keep it copies it. */
  open(): AsyncIterable<Uint8Array>;
  /** Opens the bytes from an offset; only sources that can be read again have it (Cloud Storage, inline). */
  openAt?(offset: number): AsyncIterable<Uint8Array>;
  /** Names the bytes for good (`gs://bucket/object#generation`), so that a later try may go on in the middle. */
  identity?: string | undefined;
  /** Why the bytes are not there any more; only a receipt that they already have can be given. */
  gone?: Error | undefined;
}

/** What the caller asked for, in the contract's words, before the destination's defaults. */
export interface DeliveryOptions {
  /** Undefined: the only destination, else `default`. */
  destination?: string | undefined;
  name: string;
  /** What the stored file's name has to end with besides: `.gz` for bytes that are stored compressed. */
  suffix?: string | undefined;
  /** Folders below the destination's, separated by "/". */
  path?: string | undefined;
  onConflict?: ConflictRule | undefined;
  convertTo?: Conversion | undefined;
  description?: string | undefined;
}

/** One file to be put in one place. */
export interface Delivery {
  caller: Caller;
  options: DeliveryOptions;
  source: Source;
  idempotencyKey?: string | undefined;
  /** Lower-case hex, as the caller announced it. */
  expectedSha256?: string | undefined;
  /** Ends when the caller is gone or the request's time is up. */
  signal: AbortSignal;
  /** Epoch milliseconds by which an answer must be out; the upload stops in good time before. */
  deadlineMs: number;
  requestId: string;
  /** What this work may write to by its way of coming (a Pub/Sub subscription's list); the policy's `callers` do not count then. */
  allowedDestinations?: readonly string[] | undefined;
}

export const OUTCOMES = ['created', 'replaced', 'skipped', 'replayed'] as const;
/** What a delivery did. */
export type Outcome = (typeof OUTCOMES)[number];

/** The proof of a delivery. */
export interface Receipt {
  /** ID of the file in Drive. */
  id: string;
  /** Name of the file in Drive. */
  name: string;
  /** Media type of the file in Drive. */
  mimeType: string;
  /** Size in bytes; for a conversion, of the bytes that were sent. */
  size: number;
  /** SHA-256 of the bytes that were received, in lower-case hex. If skipped: of the existing file; null if Drive has none. */
  sha256: string | null;
  /** Drive's own MD5 in lower-case hex; null for a conversion. */
  md5: string | null;
  /** Name of the destination. */
  destination: string;
  /** Folders below the destination's folder; "" for that folder itself. */
  path: string;
  /** ID of the folder in Drive. */
  folderId: string;
  /** Link that opens the file in a browser. */
  webViewLink: string;
  /** What the delivery did; `replayed` for an idempotency key that was used before. */
  outcome: Outcome;
  /** When the file was created, in RFC 3339, UTC. */
  createdTime: string;
  /** When the file was last modified, in RFC 3339, UTC. */
  modifiedTime: string;
  /** The caller's email, else the `sub` of its token. */
  caller: string;
  /** The idempotency key of the request; null if it had none. */
  idempotencyKey: string | null;
  /** Problems after the file was stored, such as a failed share. Absent if there are none. */
  warnings?: string[] | undefined;
  /**
   * `instance` if the ledger is in memory: "exactly once" then holds only within one instance of the service. Absent if all
   * instances share a ledger.
   */
  once?: 'instance' | undefined;
}

export const callerName = (caller: Caller): string => caller.email ?? caller.sub;

/** The destination that a request means: the one it names, else the only one that there is, else `default`. */
export const impliedDestination = (named: string | undefined, available: readonly string[]): string =>
  named ?? (available.length === 1 ? available[0] : undefined) ?? 'default';
