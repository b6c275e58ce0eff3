import { expect, test } from '@jest/globals';
import { driveError } from '../../../../src/drive/answers/errors.ts';

const SERVICE_ACCOUNT = 'courier@local-project.iam.gserviceaccount.com';

/** The error format of Drive v3 (https://developers.google.com/workspace/drive/api/guides/handle-errors). */
const drive = (code: number, reason: string, message = reason, domain = 'global') => ({
  error: { code, message, errors: [{ domain, reason, message }] },
});

/** The error format of Google's front end, with `google.rpc.ErrorInfo`. */
const withInfo = (code: number, reason: string, status: string, errors: object[] = []) => ({
  error: {
    code,
    message: 'Request had insufficient authentication scopes.',
    status,
    errors,
    details: [
      { '@type': 'type.googleapis.com/google.rpc.Help', links: [] },
      { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com' },
    ],
  },
});

const QUOTA = "The user's Drive storage quota has been exceeded.";

test.each<[string, number, unknown, string, { account?: string; retryAfter?: string }?]>([
  ['a folder that is missing or not shared', 404, drive(404, 'notFound', 'File not found: 0AbC.'), 'folder-not-found'],
  ['a folder to read only', 403, drive(403, 'insufficientFilePermissions'), 'folder-not-writable'],
  ['a parent to read only', 403, drive(403, 'insufficientParentPermissions'), 'folder-not-writable'],
  ['a 403 without a known reason', 403, drive(403, 'forbidden'), 'folder-not-writable'],
  [
    'a token without the scope',
    403,
    drive(403, 'insufficientPermissions', 'Insufficient Permission'),
    'scope-insufficient',
  ],
  [
    'a token without the scope, as the front end reports it',
    403,
    withInfo(403, 'ACCESS_TOKEN_SCOPE_INSUFFICIENT', 'PERMISSION_DENIED', [
      { domain: 'global', reason: 'insufficientPermissions' },
    ]),
    'scope-insufficient',
  ],
  ['the scope drive.file', 403, drive(403, 'appNotAuthorizedToFile'), 'scope-insufficient'],
  ['no quota, for a service account', 403, drive(403, 'storageQuotaExceeded', QUOTA), 'no-storage-quota'],
  [
    'no quota, for a person',
    403,
    drive(403, 'storageQuotaExceeded', QUOTA),
    'drive-full',
    { account: 'ada@example.com' },
  ],
  ['a full shared drive', 403, drive(403, 'teamDriveFileLimitExceeded'), 'drive-full'],
  ['a full folder', 403, drive(403, 'numChildrenInNonRootLimitExceeded'), 'drive-full'],
  [
    'the API off',
    403,
    drive(403, 'accessNotConfigured', 'Drive API has not been used', 'usageLimits'),
    'drive-api-disabled',
  ],
  [
    'the API disabled, as the front end reports it',
    403,
    withInfo(403, 'SERVICE_DISABLED', 'PERMISSION_DENIED', [{ domain: 'global', reason: 'forbidden' }]),
    'drive-api-disabled',
  ],
  ['a rate limit of a user', 403, drive(403, 'userRateLimitExceeded', '', 'usageLimits'), 'drive-rate-limited'],
  [
    'a rate limit of a user, as Drive words it',
    403,
    drive(403, 'userRateLimitExceeded', 'User Rate Limit Exceeded', 'usageLimits'),
    'drive-rate-limited',
  ],
  [
    'the daily upload limit of an account',
    403,
    drive(403, 'userRateLimitExceeded', 'User rate limit exceeded.', 'usageLimits'),
    'upload-limit-reached',
  ],
  ['a rate limit of a project', 403, drive(403, 'rateLimitExceeded', '', 'usageLimits'), 'drive-rate-limited'],
  ['a rate limit of sharing', 403, drive(403, 'sharingRateLimitExceeded', '', 'usageLimits'), 'drive-rate-limited'],
  ['a rate limit as 429', 429, drive(429, 'rateLimitExceeded', '', 'usageLimits'), 'drive-rate-limited'],
  ['a 429 of which nothing is known', 429, 'Too many', 'drive-rate-limited'],
  ['a token that Google rejects twice', 401, drive(401, 'authError', 'Invalid Credentials'), 'key-revoked'],
  ['a conversion that Drive does not do', 400, drive(400, 'conversionUnsupportedConversionPath'), 'conversion-refused'],
  ['a 500', 500, drive(500, 'internalError'), 'drive-unavailable'],
  ['a 502 as a page', 502, '<html>Bad Gateway</html>', 'drive-unavailable'],
  ['a 503', 503, drive(503, 'backendError'), 'drive-unavailable'],
  ['a 408', 408, '', 'drive-unavailable'],
  ['a parent that is a file', 403, drive(403, 'parentNotAFolder'), 'folder-invalid'],
  [
    'a parent that is a file, as 400',
    400,
    drive(400, 'invalid', 'The specified parent is not a folder.'),
    'folder-invalid',
  ],
  ['My Drive nested too deeply', 403, drive(403, 'myDriveHierarchyDepthLimitExceeded'), 'folder-too-deep'],
  ['a shared drive nested too deeply', 403, drive(403, 'teamDriveHierarchyTooDeep'), 'folder-too-deep'],
  ['Drive apps that the domain forbids', 403, drive(403, 'domainPolicy'), 'policy-forbidden'],
  ['sharing that the drive forbids', 403, drive(403, 'teamDriveDomainUsersOnlyRestriction'), 'policy-forbidden'],
  ['sharing that the domain forbids', 403, drive(403, 'shareOutNotPermitted'), 'policy-forbidden'],
  ['an ACL change that is not allowed', 400, drive(400, 'invalidSharingRequest'), 'policy-forbidden'],
  ['an API that is blocked', 403, withInfo(403, 'SERVICE_BLOCKED', 'PERMISSION_DENIED'), 'policy-forbidden'],
  ['VPC Service Controls', 403, withInfo(403, 'SECURITY_POLICY_VIOLATED', 'PERMISSION_DENIED'), 'policy-forbidden'],
  ['a suspended project', 403, withInfo(403, 'CONSUMER_SUSPENDED', 'PERMISSION_DENIED'), 'drive-api-disabled'],
  ['membership that is required', 403, drive(403, 'teamDriveMembershipRequired'), 'folder-not-writable'],
  ['a file larger than Drive accepts', 403, drive(403, 'uploadTooLarge'), 'too-large'],
  ['a body larger than Drive accepts', 413, 'Request Entity Too Large', 'too-large'],
  ['a backend error reported as 403', 403, drive(403, 'backendError'), 'drive-unavailable'],
  ['a 403 of an unknown reason', 403, drive(403, 'unheardOf'), 'drive-refused'],
  ['a 400 of an unknown reason', 400, drive(400, 'unheardOf'), 'drive-refused'],
  ['a 412 of an unknown reason', 412, drive(412, 'conditionNotMet'), 'drive-refused'],
  ['a 404 of an unknown reason', 404, drive(404, 'unheardOf'), 'folder-not-found'],
  ['a 429 of an unknown reason', 429, drive(429, 'unheardOf'), 'drive-rate-limited'],
  ['errors of another shape', 403, { error: { errors: [7, null], details: 'x' } }, 'folder-not-writable'],
  ['a 400', 400, drive(400, 'badRequest'), 'internal'],
  ['JSON of another shape', 400, { error: 'invalid_grant' }, 'internal'],
])('%s', (_, status, payload, code, { account = SERVICE_ACCOUNT } = {}) => {
  const body = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const error = driveError({ status, headers: {}, body }, { operation: 'drive.files.create', account });
  expect(error.code).toBe(code);
});

test('the remedy names the account, and nothing repeats the payload', () => {
  const body = Buffer.from(JSON.stringify(drive(404, 'notFound', 'File not found: 0Secret-Folder-Id.')));
  const error = driveError(
    { status: 404, headers: {}, body },
    { operation: 'drive.files.create', account: SERVICE_ACCOUNT },
  );
  expect(error.remedy).toContain(SERVICE_ACCOUNT);
  expect(`${error.message} ${error.detail} ${error.remedy} ${String(error.cause)}`).not.toContain('0Secret');
  expect(String(error.cause)).toBe('Error: drive.files.create: Drive answered 404 notFound');
});

test('the message of the daily upload limit means a rate limit for calls that upload nothing', () => {
  const payload = drive(403, 'userRateLimitExceeded', 'User rate limit exceeded.', 'usageLimits');
  const response = { status: 403, headers: {}, body: Buffer.from(JSON.stringify(payload)) };
  const error = driveError(response, { operation: 'drive.files.list', account: SERVICE_ACCOUNT });
  expect(error.code).toBe('drive-rate-limited');
});

test.each([
  ['17', 'userRateLimitExceeded', 17],
  [undefined, 'userRateLimitExceeded', 60],
  [undefined, 'dailyLimitExceeded', 3_600],
  ['Mon, 30 Nov 2026 12:00:25 GMT', 'userRateLimitExceeded', 25],
  ['Mon, 30 Nov 2026 11:59:25 GMT', 'userRateLimitExceeded', 60],
])('a rate limit with Retry-After %s (%s) is retried after %i s', (retryAfter, reason, seconds) => {
  const body = Buffer.from(JSON.stringify(drive(403, reason)));
  const error = driveError(
    { status: 403, headers: { 'retry-after': retryAfter, date: 'Mon, 30 Nov 2026 12:00:00 GMT' }, body },
    { operation: 'drive.files.create', account: undefined },
  );
  expect(error.retryAfterSeconds).toBe(seconds);
});

const errorOf = (status: number, payload: unknown) =>
  driveError(
    { status, headers: {}, body: Buffer.from(JSON.stringify(payload)) },
    { operation: 'drive.files.create', account: SERVICE_ACCOUNT },
  );

test.each([
  [403, 'unheardOf'],
  [400, 'unheardOf'],
  [412, 'conditionNotMet'],
])('an unknown reason is reported, not interpreted: %i %s', (status, reason) => {
  const error = errorOf(status, drive(status, reason));
  expect(error).toMatchObject({ status: 502, retryable: false, reason });
  expect(error.detail).toContain(`"${reason}"`);
  expect(error.detail).toContain('does not know');
  expect(error.remedy).not.toMatch(/Share|role|Give/);
});

test('an internal error includes the reason too', () => {
  expect(errorOf(400, drive(400, 'invalidParameter'))).toMatchObject({ code: 'internal', reason: 'invalidParameter' });
  expect(errorOf(400, drive(400, 'invalidParameter')).detail).toContain('invalidParameter');
});

test('text that is not a single word is not treated as a reason and appears nowhere', () => {
  const error = errorOf(403, drive(403, 'ada@example.com may not open "Salaries"'));
  expect(JSON.stringify([error.detail, error.reason, String(error.cause)])).not.toMatch(/ada|Salaries/);
});

test('required membership has its own remedy', () => {
  expect(errorOf(403, drive(403, 'teamDriveMembershipRequired')).remedy).toMatch(/member of the shared drive/);
});
