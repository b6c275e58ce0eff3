import { expect } from '@jest/globals';
import { loadDiscovery, type Schema } from '../../../local/google/drive/discovery.ts';
import type { LocalGoogle } from '../../../local/google/server.ts';

export const DRIVE_SCOPE = 'https://www.googleapis.com/auth/drive';
export const FOLDER = 'application/vnd.google-apps.folder';
export const SHEET = 'application/vnd.google-apps.spreadsheet';

const discovery = loadDiscovery();

/** Where a value is not what Google's own description says; empty when it is. */
export function faultsOf(value: unknown, schema: Schema, at = ''): string[] {
  if (schema.$ref !== undefined) return faultsOf(value, discovery.schema(schema.$ref), at);
  switch (schema.type) {
    case 'object':
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is no object`];
      return Object.entries(value).flatMap(([name, member]) => {
        const inner = schema.properties?.[name] ?? schema.additionalProperties;
        return inner === undefined ? [`${at}.${name} is not in the schema`] : faultsOf(member, inner, `${at}.${name}`);
      });
    case 'array':
      if (!Array.isArray(value)) return [`${at} is no array`];
      return value.flatMap((item, index) => faultsOf(item, schema.items ?? {}, `${at}[${index}]`));
    case 'boolean':
    case 'string':
      return typeof value === schema.type ? [] : [`${at} is no ${schema.type}`];
    case 'integer':
      return Number.isInteger(value) ? [] : [`${at} is no integer`];
    default:
      return [];
  }
}

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
  /** Makes a file of metadata alone. @returns its id */
  make(metadata: Record<string, unknown>): Promise<string>;
  token: string;
}

/** `/drive/v3` of this Google as somebody; every good answer is held against the discovery document. */
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
    const schema = discovery.match(method, new URL(`https://x/drive/v3${path}`).pathname)?.method.response?.$ref;
    if (response.ok && isJson && schema !== undefined)
      expect(faultsOf(answer.body, discovery.schema(schema), schema)).toEqual([]);
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

/** What an error answer says, in short. */
export const reasonOf = ({ status, body }: Answered): string => `${status} ${body.error?.errors?.[0]?.reason ?? ''}`;
