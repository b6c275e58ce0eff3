import type { Answer, Attempt } from '../../../src/google/http.ts';
import type { World } from '../world.ts';
import { isSheetsCall, sheetsFaults } from './courier-sheets.ts';
import type { DriveAnswer } from './local-drive.ts';

/** An answer of Drive or Sheets that refuses a request. */
const refusal = (
  status: number,
  reason: string,
  { message = reason, headers = {} }: { message?: string; headers?: Answer['headers'] } = {},
): DriveAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(
    JSON.stringify({ error: { code: status, message, errors: [{ domain: 'global', reason, message }] } }),
  ),
});

/** The faults with which Drive or Sheets answers a request without carrying it out, or before it does (`504-late`). */
export const REFUSALS: ReadonlyMap<string, { note: string; answer: DriveAnswer }> = new Map([
  ['503', { note: '503', answer: refusal(503, 'backendError') }],
  [
    '503-later',
    { note: '503, Retry-After: 5', answer: refusal(503, 'backendError', { headers: { 'retry-after': '5' } }) },
  ],
  ['504-late', { note: '504, while it is still on its way', answer: refusal(504, 'backendError') }],
  ['429', { note: '429', answer: refusal(429, 'rateLimitExceeded') }],
  ['404', { note: '404, although it is there', answer: refusal(404, 'notFound') }],
  ['forgotten', { note: '404, the session is forgotten', answer: refusal(404, 'notFound') }],
  [
    'full',
    {
      note: '403, the storage of the account is full',
      answer: refusal(403, 'storageQuotaExceeded', { message: "The user's Drive storage quota has been exceeded." }),
    },
  ],
  [
    'limit',
    {
      note: '403, the account has reached its daily upload limit',
      answer: refusal(403, 'userRateLimitExceeded', { message: 'User rate limit exceeded.' }),
    },
  ],
]);

const isUploadBody = ({ method, url, body }: Attempt): boolean =>
  url.includes('/upload/') &&
  method !== 'DELETE' &&
  (url.includes('upload_id') || url.includes('multipart')) &&
  body.length > 0;

const isSessionStart = ({ url }: Attempt): boolean =>
  url.includes('uploadType=resumable') && !url.includes('upload_id');

/** The faults that can be injected into a call to Drive or Sheets. */
export const faultsOf = ({ scenario, folders }: World, attempt: Attempt): string[] => {
  // Corruption can't be detected in a Docs editors file, which has no checksum, or in an upload that is completed without a digest.
  const isUntold = scenario.deliveries.some(({ size, way }) => size === 'sheet' || way === 'blind');
  const { method, url } = attempt;
  if (isSheetsCall(url)) return method === 'GET' ? sheetsFaults : [...sheetsFaults, '504-late'];
  // Only new files can be reported missing. The destination's folder isn't new.
  const isOld = url.includes(folders.destination) || url.includes('/generateIds');
  const isFile = /\/drive\/v3\/files\/[^/?]+\?/.test(url) && !isOld;
  const isRefusable = scenario.settings.includes('accounts') && (isUploadBody(attempt) || isSessionStart(attempt));
  return [
    ...['503', '503-later', 'reset', 'lost'],
    ...(method === 'GET' ? [] : ['504-late']),
    ...(method === 'GET' && isFile ? ['404'] : []),
    ...(isUploadBody(attempt) && !isUntold ? ['corrupt'] : []),
    ...(method === 'PUT' && url.includes('upload_id') ? ['forgotten'] : []),
    ...(isRefusable ? ['full', 'limit'] : []),
  ];
};
