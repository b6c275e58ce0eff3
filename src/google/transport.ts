import type { Readable } from 'node:stream';
import type { Bearer } from '../bearer.ts';
import type { OnAnswer } from '../unanswered-requests.ts';

/** One call to a Google API. */
export interface GoogleRequest {
  /** For logs, metrics and counts: `drive.files.create`, `oauth2.token`. */
  operation: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  /** As Google documents it (`https://www.googleapis.com/…`); only the transport knows COURIER_GOOGLE_ORIGIN. */
  url: string;
  headers?: Readonly<Record<string, string>> | undefined;
  /** Its token is sent as the Authorization header; after a 401 the request is sent again with a new token. */
  bearer?: Bearer | undefined;
  /** In memory as a whole, so that it can be sent again. */
  body?: Uint8Array | readonly Uint8Array[] | undefined;
  signal?: AbortSignal | undefined;
  /** Epoch milliseconds after which no attempt is made. */
  deadlineMs?: number | undefined;
  /** Milliseconds for one attempt, from its start to the end of the answer; default 60,000. */
  attemptTimeoutMs?: number | undefined;
  /**
   * `idempotent`: sent again after network failures, 429, 5xx and Drive's 403 rate limits.
   * `once`: never sent again; the caller has to find out whether the request took effect.
   */
  retry: 'idempotent' | 'once';
  /** From 1 (default): which attempt this is, where the caller repeats a request with `retry: 'once'` itself. */
  attempt?: number | undefined;
  /** Updated with every attempt. */
  callStats?: CallStats | undefined;
  /**
   * Awaited before each attempt, after all other waits. If there is a quota, a retry uses as much of it as the first attempt.
   * If it throws, nothing is sent, and the error is thrown unchanged.
   */
  beforeAttempt?: (() => Promise<void>) | undefined;
  /** Called when an attempt is sent. What it returns is called when the attempt ends. */
  onSend?: (() => OnAnswer | undefined) | undefined;
  /** Called with each transient error answer, before the wait for the next attempt. */
  onTransient?: ((response: GoogleResponse) => void) | undefined;
  /** Whether a transient error answer is final after all. */
  isFinal?: ((response: GoogleResponse) => boolean) | undefined;
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

/** Counts the calls of one delivery to Google, for its audit log line. */
export interface CallStats {
  /** Requests sent, including retries. */
  calls: number;
  retries: number;
  /** Quota units of the Drive API. */
  units: number;
}

/**
 * Called with every attempt, for metrics and traces. The function it returns is called when the attempt ends, with undefined if
 * there was no answer.
 */
export type ObserveCall = (call: {
  operation: string;
  /** From 1. */
  attempt: number;
}) => (status: number | undefined) => void;

/**
 * Sends every call to Google: one retry policy, one deadline, one place that knows COURIER_GOOGLE_ORIGIN. An answer of any
 * status is returned; only a missing answer throws.
 */
export interface GoogleTransport {
  /** @throws CourierError `google-unavailable` when no answer came in time. */
  send(request: GoogleRequest): Promise<GoogleResponse>;
  /** Like `send`, but returns the body of the answer as a stream. Not retried once the headers have arrived. */
  open(request: GoogleRequest): Promise<GoogleStream>;
  /** The transport as a `fetch`, for Google's libraries and for jose. */
  fetch: typeof globalThis.fetch;
  /** Closes idle sockets. */
  close(): void;
}

/** A failed attempt, for the decision whether to retry. */
export interface Failure {
  /** Retries have a budget for each host. */
  url: string;
  /** 1 for the first failure of one call. */
  attempt: number;
  /** Undefined if there was no answer. */
  response?: Pick<GoogleResponse, 'status' | 'headers'> | undefined;
  signal?: AbortSignal | undefined;
  /** Epoch milliseconds. */
  deadlineMs?: number | undefined;
}

/** A transport whose retry policy can also be used by protocols that query the state before they resend bytes (resumable upload sessions). */
export interface RetryingTransport extends GoogleTransport {
  /**
   * Waits according to the retry policy and returns true; returns false immediately if there should be no further attempt.
   */
  again(failure: Failure): Promise<boolean>;
}
