import type { Readable } from 'node:stream';

/** Whose token goes with a call. */
export interface Bearer {
  token(): Promise<string>;
  /** Told of a token that Google takes no more, where another one can be had. */
  rejected?(token: string): void;
}

/** One call to a Google API. */
export interface GoogleRequest {
  /** For logs, metrics and counts: `drive.files.create`, `oauth2.token`. */
  operation: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  /** As Google documents it (`https://www.googleapis.com/…`); the transport alone knows of COURIER_GOOGLE_ORIGIN. */
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** Sends its token along; when that is refused (revoked or rotated before its time), another one, once. */
  bearer?: Bearer;
  /** Whole, so that it can be sent again. */
  body?: Uint8Array | readonly Uint8Array[];
  signal?: AbortSignal;
  /** Epoch milliseconds after which nothing is tried any more. */
  deadlineMs?: number;
  /** Milliseconds for one attempt, from its start to the end of the answer; default 60,000. */
  attemptTimeoutMs?: number;
  /**
   * `idempotent`: sent again after network failures, 429, 5xx and Drive's 403 rate limits.
   * `once`: never sent again; the caller finds out what happened.
   */
  retry: 'idempotent' | 'once';
  /** Counted up with every request that goes out. */
  callStats?: CallStats;
  /** Awaited before each attempt: where a quota is kept, a retry spends as much of it as the first attempt did. */
  beforeAttempt?(): Promise<void>;
  /** Told of an answer that says "later", before the wait. */
  onPassing?(response: GoogleResponse): void;
}

export interface GoogleResponse {
  status: number;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | undefined>>;
  body: Buffer;
}

export interface GoogleStream extends Omit<GoogleResponse, 'body'> {
  body: Readable;
}

/** What a delivery's calls to Google came to; one for each delivery, for its audit line. */
export interface CallStats {
  /** Requests sent, repeated ones included. */
  calls: number;
  retries: number;
  /** Quota units of the Drive API. */
  units: number;
}

/** Told of every request that goes out; what it answers is told of its end, without a status when no answer came. For metrics and traces. */
export type ObserveCall = (call: {
  operation: string;
  /** From 1. */
  attempt: number;
}) => (status: number | undefined) => void;

/** The one way to Google: one retry policy, one deadline, one place that knows the origin. Every status is an answer; only the lack of one throws. */
export interface GoogleTransport {
  /** @throws CourierError `google-unavailable` when no answer came in time. */
  send(request: GoogleRequest): Promise<GoogleResponse>;
  /** As `send`, with the body of the answer left unread. Not retried once the status line is in. */
  open(request: GoogleRequest): Promise<GoogleStream>;
  /** The same transport in the shape that Google's libraries and jose take (gaxios `fetchImplementation`, jose `customFetch`). */
  fetch: typeof globalThis.fetch;
  /** Ends idle sockets. */
  close(): void;
}

/** What went wrong, for the decision whether to try again. */
export interface Failure {
  /** Whose outage it may be: retries are budgeted by host. */
  url: string;
  /** 1 for the first failure of one call. */
  attempt: number;
  /** The answer, when there was one. */
  response?: Pick<GoogleResponse, 'status' | 'headers'>;
  signal?: AbortSignal;
  /** Epoch milliseconds. */
  deadlineMs?: number;
}

/** A transport whose retry policy is also open to protocols that ask what happened before they send again (resumable sessions). */
export interface RetryingTransport extends GoogleTransport {
  /** Waits as the policy says, then answers true; false at once when the policy says to give up. */
  again(failure: Failure): Promise<boolean>;
}
