import { homedir } from 'node:os';
import type { Receipt } from '../domain.ts';
import { withoutTrailingSlashes } from '../text/trailing-slashes.ts';
import { type CallCourier, createApi } from './api.ts';
import { CourierClientError, failure } from './errors.ts';
import { type ExportInput, type ExportOptions, sendDocument } from './export.ts';
import { type Exchange, exchange } from './http.ts';
import type { Identity } from './identity/identity.ts';
import type { Sendable } from './input.ts';
import { type RetryOptions, retryWith } from './retry.ts';
import { type DestinationSummary, type DoctorReport, destinationsSchema, doctorSchema } from './schemas.ts';
import { send } from './send.ts';
import type { SendOptions } from './send-options.ts';
import { cacheFolder, createSessionStore } from './session-store.ts';
import { claimsOf } from './token-claims.ts';

export type { DestinationSummary, DoctorReport, ExportInput, ExportOptions, Identity, Receipt, Sendable, SendOptions };
export { CourierClientError };

export interface CourierClientOptions {
  /** Where the courier is, e.g. `https://courier-xyz.a.run.app`. Loopback addresses may be http. */
  url: string | URL;
  /** Default: that URL. */
  audience?: string;
  /** Default: found as Google's libraries find theirs; see `discoverIdentity`. */
  identity?: Identity | { idToken(audience: string): Promise<string> };
  /** A credentials file of any kind that Google makes; used when `identity` is not given. */
  keyFile?: string;
  /** Email of a service account to act as; used when `identity` is not given. */
  impersonate?: string;
  retry?: RetryOptions;
  /** Of direct uploads; a multiple of 256 KiB, default 16 MiB. */
  chunkBytes?: number;
  /** Keeps unfinished large uploads, to go on with them later; default: the user's cache folder. */
  sessionFolder?: string;
  /** Default: this process's environment. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Epoch milliseconds. */
  now?: () => number;
  exchange?: Exchange;
}

/** A token is used until this long before it ends. */
const SPARE_MS = 300_000;
const CHUNK_BYTES = 16 * 1024 * 1024;
const GRANULARITY = 256 * 1024;

/** @throws CourierClientError `usage` */
const courierUrl = (given: string | URL): URL => {
  const url = URL.canParse(String(given)) ? new URL(given) : undefined;
  const isLoopback = url !== undefined && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url === undefined || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback))) {
    throw failure('usage', { detail: `"${given}" is not an https address of a courier.` });
  }
  return url;
};

/** The audience of a courier at this URL: without the slash or the line end that a variable often brings along. */
export const audienceOfUrl = (url: string | URL): string => withoutTrailingSlashes(String(url).trim());

/** What a courier can be asked by the systems that send to it. Every method throws CourierClientError. */
export class CourierClient {
  readonly #url: URL;
  readonly #audience: string;
  readonly #options: CourierClientOptions;
  readonly #now: () => number;
  readonly #call: CallCourier;
  #identity: Promise<Identity | { idToken(audience: string): Promise<string> }> | undefined;
  #token: { text: Promise<string>; freshUntilMs: number } | undefined;

  constructor(options: CourierClientOptions) {
    this.#options = options;
    this.#url = courierUrl(options.url);
    this.#audience = options.audience ?? audienceOfUrl(options.url);
    this.#now = options.now ?? Date.now;
    const { chunkBytes = CHUNK_BYTES } = options;
    if (chunkBytes < GRANULARITY || chunkBytes % GRANULARITY !== 0) {
      throw failure('usage', { detail: `chunkBytes is not a multiple of ${GRANULARITY}.` });
    }
    this.#call = createApi({
      url: this.#url,
      token: (fresh) => this.#tokenOf(fresh),
      exchange: options.exchange ?? exchange,
      retry: retryWith(options.retry),
    });
  }

  /** Puts a file, bytes or a stream where the courier's destination says; the receipt is its proof. */
  async send(input: Sendable, options: SendOptions = {}): Promise<Receipt> {
    const { env = process.env, sessionFolder, chunkBytes = CHUNK_BYTES, retry } = this.#options;
    const dependencies = {
      call: this.#call,
      exchange: this.#options.exchange ?? exchange,
      retry: retryWith(retry),
      store: createSessionStore(sessionFolder ?? cacheFolder(env, homedir()), this.#now),
      url: this.#url.href,
      chunkBytes,
      destinations: () => this.destinations(),
    };
    return send(dependencies, input, options);
  }

  /**
   * Has the courier make a file of an export document: text, JSON, rows, or an object in Cloud Storage. JSON text, a path, a
   * file URL, bytes and streams are forwarded byte for byte; an object is written as JSON first.
   */
  async export(document: ExportInput, options: ExportOptions = {}): Promise<Receipt> {
    return sendDocument(this.#call, document, options);
  }

  /** The destinations that this caller may write to. */
  async destinations(): Promise<DestinationSummary[]> {
    return this.#call({ method: 'GET', path: '/v1/destinations', answer: destinationsSchema });
  }

  /** Has the courier check its own set-up against Google; for its operators. With `write`, a probe file is put into each destination and removed. */
  async doctor({ write = false }: { write?: boolean } = {}): Promise<DoctorReport> {
    const query = write ? { write: 'true' } : {};
    return this.#call({ method: 'GET', path: '/v1/doctor', query, answer: doctorSchema });
  }

  /** The ID token that calls go out with. */
  async token(): Promise<string> {
    return this.#tokenOf(false);
  }

  async #tokenOf(fresh: boolean): Promise<string> {
    if (fresh || this.#token === undefined || this.#now() >= this.#token.freshUntilMs) {
      // Whoever comes while it is being fetched waits for the same one.
      const token = { text: this.#mint(), freshUntilMs: Number.POSITIVE_INFINITY };
      this.#token = token;
      token.text.then(
        (text) => {
          token.freshUntilMs = (claimsOf(text)?.exp ?? 0) * 1000 - SPARE_MS;
        },
        () => {
          if (this.#token === token) this.#token = undefined;
        },
      );
    }
    return this.#token.text;
  }

  async #mint(): Promise<string> {
    this.#identity ??= this.#discover();
    return (await this.#identity).idToken(this.#audience);
  }

  #discover() {
    const { identity, keyFile, impersonate, env } = this.#options;
    if (identity !== undefined) return Promise.resolve(identity);
    // Loaded when first needed: google-auth-library takes its time.
    const found = import('./identity/discover.ts').then(({ discoverIdentity }) =>
      discoverIdentity({ keyFile, impersonate, ...(env === undefined ? {} : { env }) }),
    );
    found.catch(() => {
      this.#identity = undefined;
    });
    return found;
  }
}
