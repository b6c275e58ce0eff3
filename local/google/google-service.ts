import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request to a Google host, without the prefix `/<host>` of its path. */
export interface GoogleCall {
  /** The requested Google host, for example `www.googleapis.com`. */
  host: string;
  /** The URL as Google would see it, scheme https. */
  url: URL;
  method: string;
  request: IncomingMessage;
  response: ServerResponse;
  /** `http://127.0.0.1:PORT`, for session URIs, which must point to this server. */
  origin: string;
  /**
   * Set by the fault plan: an upload stores only the first bytes of this request's body, and answers as Drive does in
   * that case.
   */
  limits?: { storeAtMostBytes?: number };
}

/** A Google API on one or more hosts. `handle` answers the call, or returns false when none of its routes matches. */
export interface GoogleService {
  name: string;
  hosts: readonly string[];
  handle(call: GoogleCall): Promise<boolean>;
}

/** The grant of an access token that this server minted. */
export interface Grant {
  /** The email the token acts as (the subject, under domain-wide delegation). */
  email: string;
  kind: 'user' | 'serviceAccount';
  scopes: readonly string[];
  expiresAtMs: number;
  /** The Cloud project whose API enablement counts, e.g. `local-project`. */
  project: string;
}

/** Finds the grant of a bearer token; undefined for unknown, expired and revoked ones. */
interface AccessTokens {
  find(token: string): Grant | undefined;
}

/** The dependencies of every service. */
export interface ServiceContext {
  /** Epoch milliseconds. */
  now: () => number;
  /** A number in [0, 1), seeded. */
  random: () => number;
  /** `http://127.0.0.1:PORT`, known once the server listens: for links that people open. */
  origin(): string;
  /** A folder that only this service uses. */
  dataDir: string;
  tokens: AccessTokens;
  /** True while the named API (`drive.googleapis.com`) is enabled in that project. */
  isApiEnabled(project: string, api: string): boolean;
  /** True when a role on that whole project gives the token's account that permission. */
  isAllowedOnProject(grant: Grant, project: string, permission: string): boolean;
  /** Passes bytes through the fault plan, which may corrupt them. Returns the bytes to store. */
  corrupt(call: GoogleCall, bytes: Buffer): Buffer;
}

/** An error answer in Google's JSON form: `{error: {code, message, errors: [{domain, reason, message, location…}], status?}}`. */
export interface GoogleErrorBody {
  error: {
    code: number;
    message: string;
    status?: string | undefined;
    errors?: { domain: string; reason: string; message: string; location?: string; locationType?: string }[];
    details?: unknown[] | undefined;
  };
}
