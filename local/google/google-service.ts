import type { IncomingMessage, ServerResponse } from 'node:http';

/** One request to a Google host, after the origin prefix `/<host>` was taken off. */
export interface GoogleCall {
  /** The Google host that the caller meant, e.g. `www.googleapis.com`. */
  host: string;
  /** The URL as Google would see it, scheme https. */
  url: URL;
  method: string;
  request: IncomingMessage;
  response: ServerResponse;
  /** `http://127.0.0.1:PORT`, for links that must lead back here (session URIs). */
  origin: string;
  /** Set by the fault plan: an upload keeps only the first bytes of this request's body, and answers as Drive does then. */
  limits?: { storeAtMostBytes?: number };
}

/** A Google API on one or more hosts. `handle` answers the call, or returns false when no route of it matches. */
export interface GoogleService {
  name: string;
  hosts: readonly string[];
  handle(call: GoogleCall): Promise<boolean>;
}

/** What an access token that this Google minted stands for. */
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

/** What every service is given. */
export interface ServiceContext {
  /** Epoch milliseconds. */
  now: () => number;
  /** A number in [0, 1), seeded. */
  random: () => number;
  /** `http://127.0.0.1:PORT`, known once the server listens: for links that people open. */
  origin(): string;
  /** A folder of the service's own. */
  dataDir: string;
  tokens: AccessTokens;
  /** True while the named API (`drive.googleapis.com`) is enabled in that project. */
  isApiEnabled(project: string, api: string): boolean;
  /** True when a role on that whole project gives the token's account that permission. */
  isAllowedOnProject(grant: Grant, project: string, permission: string): boolean;
  /** Stored bytes written through this hook may be corrupted by the fault plan; it returns the bytes to store. */
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
