import { z } from 'zod';
import { CourierError } from '../errors.ts';
import type { GoogleResponse } from '../google/transport.ts';
import { retryAfterSeconds } from '../text/http-grammar.ts';

const payload = z.object({
  error: z.object({
    message: z.string().catch(''),
    status: z.string().catch(''),
    details: z.array(z.object({ reason: z.string().catch('') }).catch({ reason: '' })).catch([]),
  }),
});

const read = (body: Buffer): { message: string; status: string; reason: string | undefined } => {
  try {
    const { error } = payload.parse(JSON.parse(body.toString()));
    return { ...error, reason: error.details.find(({ reason }) => reason !== '')?.reason };
  } catch {
    return { message: '', status: '', reason: undefined };
  }
};

/** Parses an answer of Sheets. @throws CourierError `drive-unavailable` if it cannot be parsed */
export const parseAnswer = <Answer>(parse: () => Answer): Answer => {
  try {
    return parse();
  } catch (cause) {
    throw new CourierError('drive-unavailable', { detail: 'The answer of Google Sheets cannot be read.', cause });
  }
};

/** The outcome of rows that another try supersedes. */
export const superseded = (): CourierError =>
  new CourierError('drive-unavailable', { detail: 'Another try with this key was answered, or uses another sheet.' });

/** The outcome of rows whose tab was deleted, or got other values, after the first changes of the delivery. */
export const rowsRemoved = (): CourierError =>
  new CourierError('drive-unavailable', {
    detail: 'The first rows of the delivery were removed in the meantime. A retry delivers all rows again.',
  });

/** A tab that rows cannot be appended to as it is. @param reason for programs */
export const wrongShape = (reason: string, detail: string, remedy?: string): CourierError =>
  new CourierError('sheet-shape', { reason, detail, remedy });

const isFull = (message: string): boolean => /above the limit of [\d,.]+ cells/i.test(message);
const isProtected = (message: string): boolean => /protected (?:cell|range|sheet)/i.test(message);

/** Seconds to wait when Google does not say: its quota is counted by the minute. */
const RATE_LIMIT_SECONDS = 60;

const disabledApi = (account: string | undefined, cause: Error): CourierError =>
  new CourierError('drive-api-disabled', {
    reason: 'SERVICE_DISABLED',
    facts: { account, api: 'sheets.googleapis.com' },
    detail: 'The Google Sheets API is disabled in the project of the credentials.',
    remedy: 'Run "gcloud services enable sheets.googleapis.com" in the project that owns {account}.',
    cause,
  });

const protectedCells = (cause: Error): CourierError =>
  new CourierError('sheet-shape', {
    reason: 'protected',
    detail: 'Cells of the tab that the courier has to change are protected.',
    remedy: "Allow the courier's account to edit the protected range, or use another tab.",
    cause,
  });

const refusedRequest = (message: string, cause: Error): CourierError => {
  if (isFull(message)) return new CourierError('sheet-full', { reason: 'cells', cause });
  if (isProtected(message)) return protectedCells(cause);
  // The message may quote the content of cells, so it goes no further than the log.
  return new CourierError('sheet-shape', {
    reason: 'refused',
    detail: 'Google Sheets rejected the change.',
    cause,
  });
};

/**
 * What an error answer of the Sheets API means.
 * @param account whose credentials were used, for the remedy
 */
export const sheetsError = (
  { status, headers, body }: GoogleResponse,
  { operation, account }: { operation: string; account: string | undefined },
): CourierError => {
  const { message, reason } = read(body);
  const cause = new Error(`${operation}: Sheets answered ${status} ${message.slice(0, 500)}`.trim());
  if (status === 429) {
    const seconds = retryAfterSeconds(headers) || RATE_LIMIT_SECONDS;
    return new CourierError('drive-rate-limited', { retryAfterSeconds: seconds, reason, cause });
  }
  if (status >= 500 || status === 408) return new CourierError('drive-unavailable', { reason, cause });
  if (status === 401) return new CourierError('key-revoked', { facts: { account }, reason, cause });
  if (status === 404) {
    return new CourierError('folder-not-found', {
      facts: { account },
      detail: 'The spreadsheet does not exist or is not shared with the account.',
      remedy: 'Share the spreadsheet with {account} as Editor.',
      cause,
    });
  }
  if (status === 403) {
    // Seen with 400; reports of 403 for the same lack the message.
    if (isProtected(message)) return protectedCells(cause);
    if (reason === 'SERVICE_DISABLED') return disabledApi(account, cause);
    if (reason === 'ACCESS_TOKEN_SCOPE_INSUFFICIENT') {
      return new CourierError('scope-insufficient', { facts: { account }, reason, cause });
    }
    return new CourierError('folder-not-writable', {
      facts: { account },
      reason,
      detail: 'The account may not edit the spreadsheet.',
      remedy: 'Share the spreadsheet with {account} as Editor.',
      cause,
    });
  }
  return refusedRequest(message, cause);
};
