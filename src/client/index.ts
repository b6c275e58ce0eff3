import { homedir } from 'node:os';
import type { ConflictRule, Conversion, Outcome, Receipt } from '../domain.ts';
import { isLoopback } from '../text/urls/hosts.ts';
import { audienceOfUrl, hasUserInfo } from './audience.ts';
import { type ClientErrorCode, CourierClientError, type ExitCode, type FileFailure, failure } from './errors.ts';
import {
  type ExportDocument,
  type ExportInput,
  type ExportOptions,
  type ExportSource,
  sendDocument,
} from './export/export.ts';
import { type CallCourier, createApi } from './http/api.ts';
import { createExchange, type Exchange } from './http/http.ts';
import { type RetryOptions, retryWith } from './http/retry.ts';
import {
  type DestinationSummary,
  type DoctorCheck,
  type DoctorFinding,
  type DoctorReport,
  destinationsSchema,
  doctorSchema,
} from './schemas.ts';
import type { Sendable } from './send/input.ts';
import { type SendDependencies, send } from './send/send.ts';
import type { SendOptions, SendProgress } from './send/send-options.ts';
import { cacheFolder, createSessionStore } from './send/session-store.ts';
import type { FileReceipt, NamedInput, SendAllInput, SendAllOptions, SendAllProgress } from './send-all/options.ts';
import { claimsOf } from './token-claims.ts';

export type {
  ClientErrorCode,
  ConflictRule,
  Conversion,
  DestinationSummary,
  DoctorCheck,
  DoctorFinding,
  DoctorReport,
  ExitCode,
  ExportDocument,
  ExportInput,
  ExportOptions,
  ExportSource,
  FileFailure,
  FileReceipt,
  NamedInput,
  Outcome,
  Receipt,
  RetryOptions,
  SendAllInput,
  SendAllOptions,
  SendAllProgress,
  Sendable,
  SendOptions,
  SendProgress,
};
export { CourierClientError };

/** Anything that can get an ID token for an audience. */
export interface TokenSource {
  /** @returns a Google ID token whose `aud` is the audience */
  idToken(audience: string): Promise<string>;
}

/** How to reach a courier, and the identity that calls it. */
export interface CourierClientOptions {
  /** URL of the courier, e.g. `https://courier-xyz.a.run.app`. Only loopback addresses may use http. */
  url: string | URL;
  /** Audience of the ID token. Default: the URL. */
  audience?: string | undefined;
  /**
   * Who calls. Default: found as Google's libraries do, in this order: `GOOGLE_APPLICATION_CREDENTIALS`, application default
   * credentials, the metadata server, gcloud's account.
   */
  identity?: TokenSource | undefined;
  /** Path of a Google credentials file of any kind. Ignored if `identity` is set. */
  keyFile?: string | undefined;
  /** Email of a service account to impersonate. Ignored if `identity` is set. */
  impersonate?: string | undefined;
  /** How failed calls are repeated. */
  retry?: RetryOptions | undefined;
  /** Bytes of one request of an upload session; a multiple of 256 KiB (262,144). Default: 16 MiB. */
  chunkBytes?: number | undefined;
  /** Folder that keeps unfinished uploads, so that another process can resume them. Default: the user's cache folder. */
  sessionFolder?: string | undefined;
  /**
   * Environment variables: for credentials, the proxy (`HTTPS_PROXY`, `NO_PROXY`) and the cache folder. Default: this
   * process's.
   */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /** @internal Epoch milliseconds. */
  now?: () => number;
  /** @internal */
  exchange?: Exchange;
}

/** A token is replaced this long before it expires. */
const TOKEN_MARGIN_MS = 300_000;
const DEFAULT_CHUNK_BYTES = 16 * 1024 * 1024;
/** Drive accepts chunks of multiples of this. */
const CHUNK_GRANULARITY_BYTES = 256 * 1024;

/** @throws CourierClientError `usage` */
const courierUrl = (given: string | URL): URL => {
  if (hasUserInfo(given)) throw failure('usage', { detail: "The courier's URL has a user name or a password." });
  const url = URL.canParse(String(given)) ? new URL(given) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url;
  throw failure('usage', { detail: `"${given}" is not the https URL of a courier.` });
};

/** A single path is a string, which is iterable, too. */
const isSingle = (
  inputs: SendAllInput | Iterable<SendAllInput> | AsyncIterable<SendAllInput>,
): inputs is SendAllInput =>
  // A program without types may pass anything, which is refused like any other single input of a wrong type.
  typeof inputs !== 'object' || inputs === null || !(Symbol.iterator in inputs || Symbol.asyncIterator in inputs);

/**
 * A client of one courier. Every method throws `CourierClientError`. Methods can be called concurrently; they share one ID
 * token, which is replaced before it expires.
 */
export class CourierClient {
  readonly #url: URL;
  readonly #audience: string;
  readonly #options: CourierClientOptions;
  readonly #now: () => number;
  readonly #exchange: Exchange;
  readonly #call: CallCourier;
  #identity: Promise<TokenSource> | undefined;
  #token: { text: Promise<string>; freshUntilMs: number } | undefined;

  /** @throws CourierClientError `usage` if the URL or `chunkBytes` is invalid */
  constructor(options: CourierClientOptions) {
    this.#options = options;
    this.#url = courierUrl(options.url);
    this.#audience = options.audience?.trim() || audienceOfUrl(options.url);
    this.#now = options.now ?? Date.now;
    const { chunkBytes = DEFAULT_CHUNK_BYTES, env = process.env } = options;
    if (chunkBytes < CHUNK_GRANULARITY_BYTES || chunkBytes % CHUNK_GRANULARITY_BYTES !== 0) {
      throw failure('usage', { detail: `chunkBytes is not a multiple of ${CHUNK_GRANULARITY_BYTES}.` });
    }
    this.#exchange = options.exchange ?? createExchange(env);
    this.#call = this.#callWith(this.#exchange);
  }

  /**
   * Sends a file, bytes or a stream to Google Drive. Up to 8 MiB are sent in one request; larger files go directly to Drive by
   * an upload session that is resumed after interruptions; longer streams go through the courier and are sent once, because
   * they cannot be read again. The client compares the receipt's SHA-256 with the bytes it sent.
   *
   * @param input a path, a `file:` URL, bytes, a Blob or a stream
   * @returns the receipt: the file's ID and link in Drive, its size in bytes and its checksums
   * @throws CourierClientError `file-unreadable`, `file-changed`, `usage`, or any error that the courier answers. If it is
   * `retryable`, call again with its `idempotencyKey`: this won't create a duplicate.
   */
  async send(input: Sendable, options: SendOptions = {}): Promise<Receipt> {
    return send(this.#sendDependencies(this.#call, this.#exchange), input, options);
  }

  /**
   * Sends files and folders, several files at the same time, and yields each receipt when it arrives. A folder keeps its
   * structure; with a "/" at the end of its path, its contents are sent without its name. A file that cannot be delivered does
   * not stop the others.
   *
   * @param inputs paths, `file:` URLs, glob patterns, or files with a path of their own in Drive
   * @throws CourierClientError at the end, `files-failed` with its `failures` if some files were not delivered; before, an error
   * that every file would get, such as `caller-not-allowed`. If it is `retryable`, call again with the same manifest or key.
   */
  async *sendAll(
    inputs: SendAllInput | Iterable<SendAllInput> | AsyncIterable<SendAllInput>,
    options: SendAllOptions = {},
  ): AsyncGenerator<FileReceipt, void, undefined> {
    // Loaded on first use: most programs send one file.
    const { sendAll } = await import('./send-all/send-all.ts');
    const connect = (watch: (exchange: Exchange) => Exchange): SendDependencies => {
      const exchange = watch(this.#exchange);
      return this.#sendDependencies(this.#callWith(exchange), exchange);
    };
    const all = isSingle(inputs) ? [inputs] : inputs;
    yield* sendAll(connect, all, options, this.#now);
  }

  /**
   * Has the courier create a file from an export document: text, JSON, rows as CSV, or an object in Cloud Storage. JSON text, a
   * path, a `file:` URL, bytes and streams are forwarded byte for byte; an object is written as JSON first. A document about
   * many objects (`gcsPrefix`) needs `join`, since one receipt is returned.
   *
   * @returns the receipt, as `send` does
   * @throws CourierClientError `usage` if the document is not a JSON object or needs `join`, `file-unreadable`, or any error
   * that the courier answers
   */
  async export(document: ExportInput, options: ExportOptions = {}): Promise<Receipt> {
    return sendDocument(this.#call, document, options);
  }

  /**
   * Lists the destinations that this caller may write to, with their defaults and size limits in bytes.
   *
   * @throws CourierClientError any error that the courier answers
   */
  async destinations(): Promise<DestinationSummary[]> {
    return this.#call({ method: 'GET', path: '/v1/destinations', answer: destinationsSchema });
  }

  /**
   * Has the courier check its own set-up against Google. Only operators of the courier may call it.
   *
   * @param options with `write`, a probe file is created in each destination and deleted again
   * @returns the report; `ok` is false if a destination does not work, which is not an error of this call
   * @throws CourierClientError `caller-not-allowed` if the caller is not an operator, or any error that the courier answers
   */
  async doctor(options: { write?: boolean | undefined } = {}): Promise<DoctorReport> {
    const query = options.write ? { write: 'true' } : {};
    return this.#call({ method: 'GET', path: '/v1/doctor', query, answer: doctorSchema });
  }

  /**
   * Returns the ID token that calls are made with, valid for at least 5 minutes where the issuer allows it. It is a secret.
   *
   * @throws CourierClientError `identity-not-found`, `identity-unusable`, `identity-cannot-mint`, `identity-refused`,
   * `google-unreachable`
   */
  async token(): Promise<string> {
    return this.#currentToken(false);
  }

  #callWith(exchange: Exchange): CallCourier {
    const token = (fresh: boolean) => this.#currentToken(fresh);
    return createApi({ url: this.#url, token, exchange, retry: retryWith(this.#options.retry) });
  }

  #sendDependencies(call: CallCourier, exchange: Exchange): SendDependencies {
    const { env = process.env, sessionFolder, chunkBytes = DEFAULT_CHUNK_BYTES, retry } = this.#options;
    return {
      call,
      exchange,
      retry: retryWith(retry),
      store: createSessionStore(sessionFolder ?? cacheFolder(env, homedir()), this.#now),
      url: this.#url.href,
      chunkBytes,
      destinations: () => this.destinations(),
    };
  }

  async #currentToken(fresh: boolean): Promise<string> {
    if (fresh || this.#token === undefined || this.#now() >= this.#token.freshUntilMs) {
      // Calls that arrive while it is being fetched share it.
      const token = { text: this.#fetchToken(), freshUntilMs: Number.POSITIVE_INFINITY };
      this.#token = token;
      token.text.then(
        (text) => {
          token.freshUntilMs = (claimsOf(text)?.exp ?? 0) * 1000 - TOKEN_MARGIN_MS;
        },
        () => {
          if (this.#token === token) this.#token = undefined;
        },
      );
    }
    return this.#token.text;
  }

  async #fetchToken(): Promise<string> {
    this.#identity ??= this.#findIdentity();
    return (await this.#identity).idToken(this.#audience);
  }

  #findIdentity(): Promise<TokenSource> {
    const { identity, keyFile, impersonate, env } = this.#options;
    if (identity !== undefined) return Promise.resolve(identity);
    // Loaded on first use, because google-auth-library takes long to load.
    const found = import('./identity/discover.ts').then(({ discoverIdentity }) =>
      discoverIdentity({ keyFile, impersonate, env, exchange: this.#exchange }),
    );
    found.catch(() => {
      this.#identity = undefined;
    });
    return found;
  }
}
