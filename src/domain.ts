import { CourierError } from './errors.ts';

/**
 * The types of the domain, and the few rules that several rooms share. Sizes are bytes; times are RFC 3339 UTC unless the name
 * ends in `Ms` (epoch milliseconds).
 */

/** The caller of a request, identified by a verified token. */
export interface Caller {
  /** The `sub` claim of the token, which never changes for an account. */
  sub: string;
  /** In lower case; set only if the token marks it as verified. */
  email?: string | undefined;
  /**
   * The Google Workspace or Cloud Identity domain that manages the account (the `hd` claim), in lower case. Consumer
   * accounts have none, even with an address in such a domain, and service accounts have none.
   */
  hostedDomain?: string | undefined;
}

export const CONFLICT_RULES = ['new', 'replace', 'skip', 'fail', 'append'] as const;
/**
 * What happens if a file with the name exists: another file is created, the content is replaced, nothing happens, an error,
 * or, with `convertTo=sheet`, rows are appended to it.
 */
export type ConflictRule = (typeof CONFLICT_RULES)[number];

export const CONVERSIONS = ['sheet', 'doc', 'slides'] as const;
/** A Google format to which a file can be converted. */
export type Conversion = (typeof CONVERSIONS)[number];

export const COLUMN_RULES = ['extend', 'strict'] as const;
/** What happens to columns that a sheet lacks: they are added at the right, or the rows are refused. */
export type ColumnRule = (typeof COLUMN_RULES)[number];

export const ROLLOVERS = ['monthly'] as const;
/** How often rows go to a new tab of a sheet. */
export type Rollover = (typeof ROLLOVERS)[number];

/** The name of a tab in Google Sheets has up to so many characters. */
export const MAX_TAB_LENGTH = 100;

/** Options for rows that go into a sheet. */
export interface RowOptions {
  /** Name of the tab; default: the first one. It is created if it is missing. */
  tab?: string | undefined;
  /** Default: `extend`. */
  columns?: ColumnRule | undefined;
  /** ISO 8601 dates and times become date cells; default: they stay texts. */
  dates?: boolean | undefined;
  /** `monthly`: the name of the tab ends with the month, such as `2026-11`, and each month has its own. */
  rollover?: Rollover | undefined;
}

/** The bytes of a delivery. They can be read only once, unless `openAt` exists. */
export interface Source {
  /** Undefined if the size is not known in advance. */
  size: number | undefined;
  mimeType: string;
  /**
   * Opens the bytes. A chunk is valid only until the next one is requested; copy it to keep it.
   * @throws CourierError `body-truncated`, `too-large`, `source-not-found`, …
   */
  open(): AsyncIterable<Uint8Array>;
  /** Opens the bytes at an offset. Only sources that can be read again have this method (Cloud Storage, inline). */
  openAt?: ((offset: number) => AsyncIterable<Uint8Array>) | undefined;
  /**
   * A permanent identifier of the bytes (`gs://bucket/object#generation`), with which a later attempt can resume the
   * upload.
   */
  identity?: string | undefined;
  /** What reading the bytes has shown so far, for the audit line: a query's job and its cost. */
  facts?(): SourceFacts;
  /** Called once after the receipt is recorded. It removes what was kept for another try, and never rejects. */
  delivered?(): Promise<void>;
  /** Set if the bytes no longer exist: the error to throw, unless an earlier delivery already has a receipt. */
  missing?: Error | undefined;
  /** The same data for a sheet: CSV in which every text is quoted and unchanged, and numbers and booleans are not quoted. */
  asRows?: Source | undefined;
  /** Set for such CSV. */
  quotedIsText?: boolean | undefined;
}

/** A private property of files that the courier has made read-only. It stays if a person removes the restriction. */
export const LOCK_PROPERTY = 'courierLock';

/** Metadata of the file in Drive that a request may set. */
export interface FileDetails {
  description?: string | undefined;
  /** Only for files that the delivery creates: Drive does not change it afterwards. */
  createdTime?: string | undefined;
  modifiedTime?: string | undefined;
  /** Public properties. A file that is replaced keeps its others. */
  properties?: Readonly<Record<string, string>> | undefined;
  /** Drive keeps the revision with these bytes until it is deleted, instead of for 30 days. */
  keepRevisionForever?: boolean | undefined;
}

/** What is known of a query that was run for the bytes. */
export interface SourceFacts {
  /** Its name in the configuration. */
  query?: string;
  /** `PROJECT.DATASET.TABLE`, if a whole table is read. */
  table?: string;
  /** `PROJECT:LOCATION.ID`, once it is known. */
  queryJob?: string | undefined;
  bytesBilled?: number | undefined;
  /** How the result was read, and why: `large`, or the reason for reading it by pages. */
  resultBy?: 'pages' | 'extract' | undefined;
  resultReason?: string | undefined;
}

/** The options in the request, before the defaults of the destination are applied. */
export interface DeliveryOptions extends FileDetails, RowOptions {
  /** Default: the only destination, or `default` if there are several. */
  destination?: string | undefined;
  /** Default: that of the destination. */
  name?: string | undefined;
  /** A suffix to add to the name of the stored file, such as `.gz` for compressed bytes. */
  suffix?: string | undefined;
  /** Folders below the destination's, separated by "/". */
  path?: string | undefined;
  /** `path` comes from the name of an object or an archive's entry, so a destination without folders ignores it. */
  isPathOfObject?: boolean | undefined;
  /** The beginning of `path`, if it is the destination's default, whose placeholders are not filled in yet. */
  pathTemplate?: string | undefined;
  onConflict?: ConflictRule | undefined;
  convertTo?: Conversion | undefined;
}

/** One file to deliver to one destination. */
export interface Delivery {
  caller: Caller;
  options: DeliveryOptions;
  source: Source;
  idempotencyKey?: string | undefined;
  /** The digest that the caller announced, in lower-case hex. */
  expectedSha256?: string | undefined;
  /** Aborted when the caller disconnects or the request's time limit is exceeded. */
  signal: AbortSignal;
  /** Epoch milliseconds by which the response must be sent; the upload stops early enough before. */
  deadlineMs: number;
  requestId: string;
  /** Called when this try has stored the bytes, even if the delivery fails afterwards. */
  stored?: (() => void) | undefined;
  /**
   * Whether the request tries the delivery again after a limit of its caller has refused it with this error. Such a refusal
   * does not end the delivery, so it is not audited.
   */
  isTriedAgain?: ((error: unknown) => boolean) | undefined;
  /** The allowed destinations of a Pub/Sub subscription. They replace the `callers` of the policy. */
  allowedDestinations?: readonly string[] | undefined;
}

/** Where the rows of a delivery are in a spreadsheet. */
export interface SheetReceipt {
  spreadsheetId: string;
  /** Name of the tab. */
  tab: string;
  /** In A1 notation, at the time of the delivery, such as `Sheet1!A5:C9`. */
  range: string;
  /** Number of rows. */
  rows: number;
  /** Names of the columns that were added to the tab. */
  columnsAdded: string[];
}

export const OUTCOMES = ['created', 'replaced', 'skipped', 'replayed'] as const;
/** The result of a delivery. */
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
  /** Where the rows are, for rows that were put into a sheet. */
  sheet?: SheetReceipt | undefined;
  /** The account that wrote the file: its email, else the name of its credentials. Absent if the destination has only one. */
  account?: string | undefined;
  /**
   * `instance` if the ledger is in memory: "exactly once" then holds only within one instance of the service. Absent if all
   * instances share a ledger.
   */
  once?: 'instance' | undefined;
}

export const callerName = (caller: Caller): string => caller.email ?? caller.sub;

/** The destination of a request: the one that it names, else the only one that is available, else `default`. */
export const impliedDestination = (named: string | undefined, available: readonly string[]): string =>
  named ?? (available.length === 1 ? available[0] : undefined) ?? 'default';

/**
 * Compares two digests in hex. An undefined `expected` always matches.
 * @throws CourierError `digest-mismatch` with the digest of the received bytes, so that the caller can compare it
 */
export const checkDigest = (expected: string | undefined, received: string, algorithm = 'SHA-256'): void => {
  if (expected === undefined || expected === received) return;
  throw new CourierError('digest-mismatch', {
    detail: `The ${algorithm} of the received bytes is ${received}.`,
    facts: { received },
  });
};
