import { callWithBearer } from '../bearer.ts';
import type { DriveAuth } from '../credentials/drive-auth.ts';
import type { Pace } from '../drive/pacing.ts';
import { CourierError } from '../errors.ts';
import type { GoogleRequest, GoogleResponse, GoogleTransport } from '../google/transport.ts';
import { type ChangeRequest, changeBody } from './changes/change-body.ts';
import { parseAnswer, sheetsError } from './errors.ts';
import type { SheetsContext } from './sheets.ts';

const SHEETS_URL = 'https://sheets.googleapis.com/v4/spreadsheets';

/** A change may take Google longer than a read (https://developers.google.com/workspace/sheets/api/limits: up to 180 s). */
const WRITE_TIMEOUT_MS = 180_000;

/** The outcome of a change. Either all of its requests are applied, or none. */
type BatchResult =
  | { kind: 'applied' }
  /** Google has answered that nothing was changed. */
  | { kind: 'refused'; error: CourierError }
  /** Google has rejected the token, and has not looked at the change. */
  | { kind: 'token-rejected'; error: CourierError }
  /** Without an answer, or after a failure of a server, the change may have been applied. */
  | { kind: 'unknown'; error: CourierError };

/** Calls to the Sheets API as one account. */
export interface SheetsClient {
  /** `spreadsheets.get`. @throws CourierError */
  get(spreadsheetId: string, query: readonly (readonly [string, string])[], context: SheetsContext): Promise<unknown>;
  /** `spreadsheets.developerMetadata.search` by key. @throws CourierError */
  searchMetadata(spreadsheetId: string, metadataKey: string, context: SheetsContext): Promise<unknown>;
  /** The token for the next change. It is got before the look that the change follows from, because it may take long. */
  tokenForChange(): Promise<string>;
  /**
   * Sends a change once, with this token. If Google rejects the token, the next one is another, and so comes after it.
   * @param onSend called when it is sent. What it returns is called when it ends
   */
  change(
    spreadsheetId: string,
    change: { requests: readonly ChangeRequest[]; token: string; onSend?: GoogleRequest['onSend'] },
    context: SheetsContext,
  ): Promise<BatchResult>;
  /** Waits until the quota allows another change. */
  waitForWrite(context: SheetsContext): Promise<void>;
  /** Waits until the quota allows a read and then a change. The read itself does not wait again. */
  waitForReadAndWrite(context: SheetsContext): Promise<void>;
}

interface SheetsClientDependencies {
  transport: Pick<GoogleTransport, 'send'>;
  auth: DriveAuth;
  /** Google counts reads and writes separately. */
  reads: Pace;
  writes: Pace;
}

const asUnavailable = (error: unknown): CourierError =>
  error instanceof CourierError && error.code !== 'google-unavailable'
    ? error
    : new CourierError('drive-unavailable', { cause: error });

const parse = (body: Buffer): unknown => parseAnswer(() => JSON.parse(body.toString()));

export const createSheetsClient = ({ transport, auth, reads, writes }: SheetsClientDependencies): SheetsClient => {
  const send = (request: GoogleRequest, token: string, pace: Pace): Promise<GoogleResponse> =>
    transport.send({
      ...request,
      headers: { ...request.headers, authorization: `Bearer ${token}` },
      onTransient: ({ status }) => {
        if (status === 429) pace.slowDown(1);
      },
    });

  /** Reads for which the quota has been waited for. */
  let readsAhead = 0;
  const waitForRead = async (context: SheetsContext): Promise<void> => {
    if (readsAhead === 0) return reads.spend(1, context);
    readsAhead -= 1;
  };

  const read = async (request: Omit<GoogleRequest, 'retry'>, context: SheetsContext): Promise<unknown> => {
    const beforeAttempt = (): Promise<void> => waitForRead(context);
    const asked = { ...request, ...context, retry: 'idempotent', beforeAttempt } as const;
    const response = await callWithBearer(auth, (token) => send(asked, token, reads)).catch((error) => {
      throw asUnavailable(error);
    });
    if (response.status >= 300) throw sheetsError(response, { operation: request.operation, account: auth.account() });
    return parse(response.body);
  };

  const json = (body: Buffer) => ({ headers: { 'content-type': 'application/json; charset=utf-8' }, body });

  return {
    get(spreadsheetId, query, context) {
      const parameters = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
      const url = `${SHEETS_URL}/${encodeURIComponent(spreadsheetId)}?${parameters}`;
      return read({ operation: 'sheets.spreadsheets.get', method: 'GET', url }, context);
    },
    searchMetadata(spreadsheetId, metadataKey, context) {
      const url = `${SHEETS_URL}/${encodeURIComponent(spreadsheetId)}/developerMetadata:search`;
      const search = Buffer.from(JSON.stringify({ dataFilters: [{ developerMetadataLookup: { metadataKey } }] }));
      return read({ operation: 'sheets.developerMetadata.search', method: 'POST', url, ...json(search) }, context);
    },
    tokenForChange: () =>
      auth.token().catch((error) => {
        throw asUnavailable(error);
      }),
    async change(spreadsheetId, { requests, token, onSend }, context) {
      const operation = 'sheets.spreadsheets.batchUpdate';
      const url = `${SHEETS_URL}/${encodeURIComponent(spreadsheetId)}:batchUpdate?fields=spreadsheetId`;
      const beforeAttempt = async (): Promise<void> => context.beforeSend?.();
      const body = json(await changeBody(requests));
      const request = { operation, method: 'POST', url, ...body, ...context, beforeAttempt, onSend } as const;
      let response: GoogleResponse;
      try {
        response = await send({ ...request, retry: 'once', attemptTimeoutMs: WRITE_TIMEOUT_MS }, token, writes);
      } catch (error) {
        return { kind: 'unknown', error: asUnavailable(error) };
      }
      if (response.status < 300) return { kind: 'applied' };
      const error = sheetsError(response, { operation, account: auth.account() });
      if (response.status === 401) {
        auth.rejected(token);
        return { kind: 'token-rejected', error };
      }
      return { kind: response.status >= 500 || response.status === 408 ? 'unknown' : 'refused', error };
    },
    waitForWrite: (context) => writes.spend(1, context),
    async waitForReadAndWrite(context) {
      await Promise.all([reads, writes].map((pace) => pace.spend(1, context)));
      readsAhead += 1;
    },
  };
};
