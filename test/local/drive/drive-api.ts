import { expect } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';

export const DRIVE_SCOPE = 'https://www.googleapis.com/auth/drive';
export const FOLDER = 'application/vnd.google-apps.folder';
export const SHEET = 'application/vnd.google-apps.spreadsheet';

interface Ask {
  query?: Record<string, string | number | boolean>;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answered {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
  body: any;
  headers: Headers;
}

export interface DriveApi {
  (method: string, path: string, ask?: Ask): Promise<Answered>;
  /** Creates a file from metadata only. @returns its ID */
  make(metadata: Record<string, unknown>): Promise<string>;
  token: string;
}

/**
 * Calls `/drive/v3` of this Google as a given account. Every successful answer is checked against the discovery
 * document.
 */
export function apiOf(google: LocalGoogle, email: string, scopes: readonly string[] = [DRIVE_SCOPE]): DriveApi {
  const token = google.world.accessToken(email, scopes);
  const ask = async (method: string, path: string, { query = {}, body, headers = {} }: Ask = {}): Promise<Answered> => {
    const url = new URL(`${google.origin}/www.googleapis.com/drive/v3${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    const answer = { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
    expect(google.drive.schemaViolations).toEqual([]);
    return answer;
  };
  const make = async (metadata: Record<string, unknown>): Promise<string> => {
    const { status, body } = await ask('POST', '/files', {
      query: { supportsAllDrives: true, fields: '*' },
      body: metadata,
    });
    expect([status, body.error]).toEqual([200, undefined]);
    return body.id;
  };
  return Object.assign(ask, { make, token });
}

/** The status and reason of an error answer. */
export const reasonOf = ({ status, body }: Answered): string => `${status} ${body.error?.errors?.[0]?.reason ?? ''}`;

/** A local Google, and its Drive as two people and the courier's account see it. */
interface DriveApis {
  google: LocalGoogle;
  alice: DriveApi;
  bob: DriveApi;
  courier: DriveApi;
}

export const startDriveApis = async (): Promise<DriveApis> => {
  const google = await startLocalGoogle();
  const { alice, bob, courier } = google.world.emails;
  return { google, alice: apiOf(google, alice), bob: apiOf(google, bob), courier: apiOf(google, courier) };
};
