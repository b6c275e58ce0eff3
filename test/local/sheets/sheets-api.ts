import { expect } from '@jest/globals';
import type { LocalGoogle } from '../../../local/google/server.ts';
import { apiOf, SHEET } from '../drive/drive-api.ts';

const SHEETS_SCOPE = 'https://www.googleapis.com/auth/spreadsheets';

interface Ask {
  query?: Record<string, string | number | boolean | readonly string[]>;
  body?: unknown;
}

export interface Answered {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
  body: any;
}

export interface SheetsApi {
  (method: string, path: string, ask?: Ask): Promise<Answered>;
  /** Sends a batch of requests. */
  batch(id: string, ...requests: readonly object[]): Promise<Answered>;
  /** The values of a range, unformatted. */
  values(id: string, range: string): Promise<unknown[][] | undefined>;
}

/** Calls `/v4` of Sheets as a given account. Every successful answer is checked against the discovery document. */
export function sheetsOf(google: LocalGoogle, email: string, scopes: readonly string[] = [SHEETS_SCOPE]): SheetsApi {
  const token = google.world.accessToken(email, scopes);
  const ask = async (method: string, path: string, { query = {}, body }: Ask = {}): Promise<Answered> => {
    const url = new URL(`${google.origin}/sheets.googleapis.com/v4/spreadsheets${path}`);
    for (const [name, value] of Object.entries(query))
      for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one));
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const answer = { status: response.status, body: await response.json() };
    expect(google.sheets.schemaViolations).toEqual([]);
    return answer;
  };
  return Object.assign(ask, {
    batch: (id: string, ...requests: readonly object[]) => ask('POST', `/${id}:batchUpdate`, { body: { requests } }),
    values: async (id: string, range: string) => {
      const { status, body } = await ask('GET', `/${id}/values/${encodeURIComponent(range)}`, {
        query: { valueRenderOption: 'UNFORMATTED_VALUE' },
      });
      expect([status, body.error]).toEqual([200, undefined]);
      return body.values;
    },
  });
}

/** Creates an empty spreadsheet in the shared drive, as the courier. @returns its ID */
export const newSpreadsheet = (google: LocalGoogle, name = 'book'): Promise<string> =>
  apiOf(google, google.world.emails.courier).make({ name, mimeType: SHEET, parents: [google.places.sharedDrive] });

/** The status and the RPC status of an error answer. */
export const statusOf = ({ status, body }: Answered): string => `${status} ${body.error?.status ?? ''}`;

export const row = (...values: readonly (string | number | boolean)[]) => ({
  values: values.map((value) => ({
    userEnteredValue:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'number'
          ? { numberValue: value }
          : { boolValue: value },
  })),
});

/** An appendCells request for the first tab. */
export const append = (...rows: readonly ReturnType<typeof row>[]) => ({
  appendCells: { sheetId: 0, rows, fields: 'userEnteredValue' },
});

/** A createDeveloperMetadata request on the first tab. */
export const mark = (metadataId: number, metadataKey = 'mark', metadataValue = 'value') => ({
  createDeveloperMetadata: {
    developerMetadata: { metadataId, metadataKey, metadataValue, visibility: 'DOCUMENT', location: { sheetId: 0 } },
  },
});
