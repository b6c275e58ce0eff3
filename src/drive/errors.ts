import { z } from 'zod';
import { CourierError, type ErrorCode } from '../errors.ts';
import type { GoogleResponse } from '../google/transport.ts';

/** What of a Google error is of use: reasons, not the payload, which may name people and files. */
const payload = z.object({
  error: z.object({
    message: z.string().catch(''),
    errors: z.array(z.object({ reason: z.string().catch('') })).catch([]),
    details: z.array(z.object({ reason: z.string().catch('') })).catch([]),
  }),
});

/** https://developers.google.com/workspace/drive/api/guides/handle-errors, and `google.rpc.ErrorInfo` for the last three. */
const CODE_OF_REASON: Readonly<Record<string, ErrorCode>> = {
  notFound: 'folder-not-found',
  insufficientFilePermissions: 'folder-not-writable',
  insufficientParentPermissions: 'folder-not-writable',
  cannotAddParent: 'folder-not-writable',
  teamDriveMembershipRequired: 'folder-not-writable',
  insufficientPermissions: 'scope-insufficient',
  insufficientScopes: 'scope-insufficient',
  // The scope drive.file reaches only what the account itself has made.
  appNotAuthorizedToFile: 'scope-insufficient',
  storageQuotaExceeded: 'drive-full',
  quotaExceeded: 'drive-full',
  teamDriveFileLimitExceeded: 'drive-full',
  teamDriveHierarchyTooDeep: 'drive-full',
  numChildrenInNonRootLimitExceeded: 'drive-full',
  activeItemCreationLimitExceeded: 'drive-full',
  rateLimitExceeded: 'drive-rate-limited',
  userRateLimitExceeded: 'drive-rate-limited',
  sharingRateLimitExceeded: 'drive-rate-limited',
  dailyLimitExceeded: 'drive-rate-limited',
  accessNotConfigured: 'drive-api-disabled',
  conversionUnsupportedConversionPath: 'conversion-refused',
  fileNotConvertible: 'conversion-refused',
  authError: 'key-revoked',
  SERVICE_DISABLED: 'drive-api-disabled',
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: 'scope-insufficient',
  RATE_LIMIT_EXCEEDED: 'drive-rate-limited',
};

/** Seconds to wait when Drive does not say: a minute is what its quota is counted in. */
const RATE_LIMIT_SECONDS = 60;
const DAILY_LIMIT_SECONDS = 3_600;

const read = (body: Buffer): { message: string; reasons: string[] } => {
  try {
    const { error } = payload.parse(JSON.parse(body.toString()));
    // The details are the more precise of the two: an `errors` reason may be as vague as "forbidden".
    return { message: error.message, reasons: [...error.details, ...error.errors].map(({ reason }) => reason) };
  } catch {
    return { message: '', reasons: [] };
  }
};

const codeOfStatus = (status: number): ErrorCode => {
  if (status === 401) return 'key-revoked';
  if (status === 403) return 'folder-not-writable';
  if (status === 404) return 'folder-not-found';
  if (status === 429) return 'drive-rate-limited';
  return status === 408 || status >= 500 ? 'drive-unavailable' : 'internal';
};

const isServiceAccount = (account: string | undefined, message: string): boolean =>
  account === undefined
    ? /service accounts? do not have storage quota/i.test(message)
    : account.endsWith('.gserviceaccount.com');

const secondsToWait = (
  { headers }: Pick<GoogleResponse, 'headers'>,
  reasons: readonly string[],
): number | undefined => {
  const asked = Number(headers['retry-after']);
  if (Number.isInteger(asked) && asked > 0) return asked;
  return reasons.includes('dailyLimitExceeded') ? DAILY_LIMIT_SECONDS : RATE_LIMIT_SECONDS;
};

/** Drive's reasons in an error answer, for decisions that the code alone is too coarse for. */
export const reasonsOf = ({ body }: Pick<GoogleResponse, 'body'>): readonly string[] => read(body).reasons;

/**
 * What an error answer of Drive means to the courier.
 * @param account who the files are written as, for the remedy.
 */
export const driveError = (
  response: GoogleResponse,
  { operation, account }: { operation: string; account: string | undefined },
): CourierError => {
  const { message, reasons } = read(response.body);
  const known = reasons.find((reason) => Object.hasOwn(CODE_OF_REASON, reason));
  const named = known === undefined ? undefined : CODE_OF_REASON[known];
  const table = response.status >= 500 ? 'drive-unavailable' : (named ?? codeOfStatus(response.status));
  const code = known === 'storageQuotaExceeded' && isServiceAccount(account, message) ? 'no-storage-quota' : table;
  return new CourierError(code, {
    facts: { account },
    cause: new Error(`${operation}: Drive answered ${response.status} ${reasons.join(' ')}`.trim()),
    ...(code === 'drive-rate-limited' ? { retryAfterSeconds: secondsToWait(response, reasons) ?? 0 } : {}),
    ...(code === 'internal' && known === undefined && reasons[0] !== undefined
      ? { detail: `Drive refused the request (${reasons[0]}).` }
      : {}),
  });
};
