import { CourierError, type ErrorCode } from '../../errors.ts';
import type { GoogleResponse } from '../../google/transport.ts';
import { parseGoogleError } from '../../text/google/google-error.ts';
import { retryAfterSeconds } from '../../text/http-grammar.ts';
import { isServiceAccount } from '../../text/google/service-account.ts';
import { isVague, meaningOf } from './reasons.ts';

/** Seconds to wait when Drive does not say: a minute is what its quota is counted in. */
const RATE_LIMIT_SECONDS = 60;
const DAILY_LIMIT_SECONDS = 3_600;

const read = (body: Buffer): { message: string; reasons: string[] } => {
  const { message = '', reasons = [], detailReasons = [] } = parseGoogleError(body) ?? {};
  return { message, reasons: [...detailReasons, ...reasons] };
};

/** What a status means whose reason is missing or vague. */
const codeOfStatus = (status: number, message: string): ErrorCode => {
  if (/parent is not a folder/i.test(message)) return 'folder-invalid';
  if (status === 401) return 'key-revoked';
  if (status === 403) return 'folder-not-writable';
  if (status === 404) return 'folder-not-found';
  if (status === 413) return 'too-large';
  if (status === 429) return 'drive-rate-limited';
  return status === 408 || status >= 500 ? 'drive-unavailable' : 'internal';
};

/** Statuses that are clear without a reason. */
const isClear = (status: number): boolean => status === 401 || status === 404 || status === 429 || status >= 500;

/** While the account is unknown, only Google's message distinguishes a service account from a person. */
const isServiceAccountsQuota = (account: string | undefined, message: string): boolean =>
  account === undefined ? /service accounts? do not have storage quota/i.test(message) : isServiceAccount(account);

const secondsToWait = (
  { headers }: Pick<GoogleResponse, 'headers'>,
  reasons: readonly string[],
): number | undefined => {
  const asked = retryAfterSeconds(headers);
  if (asked !== undefined && asked > 0) return asked;
  return reasons.includes('dailyLimitExceeded') ? DAILY_LIMIT_SECONDS : RATE_LIMIT_SECONDS;
};

/** Drive's reasons in an error answer, for decisions that the code alone is too coarse for. */
export const reasonsOf = ({ body }: Pick<GoogleResponse, 'body'>): readonly string[] => read(body).reasons;

interface Judged {
  code: ErrorCode;
  /** Google's name for it. */
  reason?: string | undefined;
  remedy?: string | undefined;
  detail?: string;
}

/**
 * Drive answers uploads above the daily limit of an account with the reason of a rate limit, and does not document how to
 * distinguish the two. The message differs in its case from "User Rate Limit Exceeded": rclone, backend/drive/drive.go,
 * `--drive-stop-on-upload-limit`. Short throttling was seen with this message as well, so it is believed only after retries.
 */
const UPLOAD_LIMIT = { reason: 'userRateLimitExceeded', message: 'User rate limit exceeded.' } as const;
const UPLOADS: ReadonlySet<string> = new Set(['drive.files.create', 'drive.files.update', 'drive.session.put']);

const isUploadLimit = (operation: string, { message, reasons }: ReturnType<typeof read>): boolean =>
  UPLOADS.has(operation) && message === UPLOAD_LIMIT.message && reasons.includes(UPLOAD_LIMIT.reason);

const judge = (status: number, { message, reasons }: ReturnType<typeof read>): Judged => {
  const reason = reasons.find((each) => meaningOf(each) !== undefined) ?? reasons.find((each) => !isVague(each));
  const meaning = reason === undefined ? undefined : meaningOf(reason);
  if (status >= 500) return { code: 'drive-unavailable', reason };
  if (meaning !== undefined) return { ...meaning, reason };
  const byStatus = codeOfStatus(status, message);
  if (reason !== undefined && !isClear(status) && byStatus !== 'drive-unavailable' && byStatus !== 'folder-invalid') {
    const detail = `Drive answered ${status} with the reason "${reason}", which the courier does not know.`;
    return { code: 'drive-refused', reason, detail };
  }
  const vague = reason ?? reasons[0];
  return {
    code: byStatus,
    reason: vague,
    ...(byStatus === 'internal'
      ? { detail: `Drive refused the request (${status}${vague === undefined ? '' : `, ${vague}`}).` }
      : {}),
  };
};

/**
 * What an error answer of Drive means to the courier.
 * @param account the account that the courier writes with, for the remedy
 */
export const driveError = (
  response: GoogleResponse,
  { operation, account }: { operation: string; account: string | undefined },
): CourierError => {
  const { message, reasons } = read(response.body);
  const judged: Judged =
    response.status === 403 && isUploadLimit(operation, { message, reasons })
      ? { code: 'upload-limit-reached', reason: UPLOAD_LIMIT.reason }
      : judge(response.status, { message, reasons });
  const { reason, remedy, detail } = judged;
  const code =
    reason === 'storageQuotaExceeded' && judged.code === 'drive-full' && isServiceAccountsQuota(account, message)
      ? 'no-storage-quota'
      : judged.code;
  return new CourierError(code, {
    facts: { account },
    reason,
    cause: new Error(`${operation}: Drive answered ${response.status} ${reasons.join(' ')}`.trim()),
    remedy,
    detail,
    ...(code === 'drive-rate-limited' ? { retryAfterSeconds: secondsToWait(response, reasons) ?? 0 } : {}),
    ...(code === 'upload-limit-reached' ? { retryAfterSeconds: DAILY_LIMIT_SECONDS } : {}),
  });
};
