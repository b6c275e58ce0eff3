import type { ErrorCode } from '../../errors.ts';

/** What a reason of Google's means: the courier's code, and a remedy where the code's own would be wrong. */
interface Meaning {
  code: ErrorCode;
  remedy?: string;
}

const policy: Meaning = { code: 'policy-forbidden' };
const sharingPolicy: Meaning = {
  code: 'policy-forbidden',
  remedy:
    'Change "share" in the configuration, or ask the administrator of the Google Workspace domain (or a manager of the shared drive) to allow this sharing.',
};
const tooDeep: Meaning = { code: 'folder-too-deep' };
const notWritable: Meaning = { code: 'folder-not-writable' };
const full: Meaning = { code: 'drive-full' };
const noScope: Meaning = { code: 'scope-insufficient' };
const rateLimited: Meaning = { code: 'drive-rate-limited' };
const notConvertible: Meaning = { code: 'conversion-refused' };
const unavailable: Meaning = { code: 'drive-unavailable' };
const apiDisabled: Meaning = { code: 'drive-api-disabled' };
const project: Meaning = {
  code: 'drive-api-disabled',
  remedy: 'Check the billing and the state of the project that owns {account}: Google rejects its requests at present.',
};
const notAFolder: Meaning = { code: 'folder-invalid' };

/**
 * Reasons of Drive v3 (https://developers.google.com/workspace/drive/api/guides/handle-errors, and as GAM knows them:
 * GAM-team/GAM, gamlib/glgapi.py). Those in capitals are `google.rpc.ErrorInfo` reasons
 * (googleapis/googleapis, google/api/error_reason.proto).
 */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  notFound: { code: 'folder-not-found' },
  parentNotAFolder: notAFolder,
  invalidParent: notAFolder,
  shortcutTargetInvalid: notAFolder,
  insufficientFilePermissions: notWritable,
  insufficientParentPermissions: notWritable,
  cannotAddParent: notWritable,
  fileNeverWritable: notWritable,
  teamDriveMembershipRequired: {
    code: 'folder-not-writable',
    remedy:
      'Make {account} a member of the shared drive as Content manager: sharing a folder of it is not enough for this.',
  },
  myDriveHierarchyDepthLimitExceeded: tooDeep,
  teamDriveHierarchyTooDeep: tooDeep,
  domainPolicy: policy,
  crossDomainMoveRestriction: policy,
  fileWriterTeamDriveMoveInDisabled: policy,
  abusiveContentRestriction: policy,
  targetUserRoleLimitedByLicenseRestriction: sharingPolicy,
  teamDriveDomainUsersOnlyRestriction: sharingPolicy,
  teamDriveTeamMembersOnlyRestriction: sharingPolicy,
  teamDrivesSharingRestrictionNotAllowed: sharingPolicy,
  teamDrivesFolderSharingNotSupported: sharingPolicy,
  cannotShareTeamDriveTopFolderWithAnyoneOrDomains: sharingPolicy,
  cannotShareTeamDriveWithNonGoogleAccounts: sharingPolicy,
  shareInNotPermitted: sharingPolicy,
  shareOutNotPermitted: sharingPolicy,
  shareOutNotPermittedToUser: sharingPolicy,
  publishOutNotPermitted: sharingPolicy,
  invalidSharingRequest: sharingPolicy,
  cannotSetExpiration: sharingPolicy,
  cannotSetExpirationOnAnyoneOrDomain: sharingPolicy,
  expirationDateNotAllowedForSharedDriveMembers: sharingPolicy,
  cannotModifyRestrictedLabel: { code: 'label-refused' },
  insufficientPermissions: noScope,
  insufficientScopes: noScope,
  // The scope drive.file reaches only what the account itself has made.
  appNotAuthorizedToFile: noScope,
  storageQuotaExceeded: full,
  quotaExceeded: full,
  teamDriveFileLimitExceeded: full,
  numChildrenInNonRootLimitExceeded: full,
  activeItemCreationLimitExceeded: full,
  uploadTooLarge: { code: 'too-large', remedy: 'Send a smaller file: this one is larger than Drive accepts.' },
  rateLimitExceeded: rateLimited,
  userRateLimitExceeded: rateLimited,
  sharingRateLimitExceeded: rateLimited,
  dailyLimitExceeded: rateLimited,
  backendError: unavailable,
  internalError: unavailable,
  transientError: unavailable,
  serviceNotAvailable: unavailable,
  accessNotConfigured: apiDisabled,
  conversionUnsupportedConversionPath: notConvertible,
  fileNotConvertible: notConvertible,
  authError: { code: 'key-revoked' },
  SERVICE_DISABLED: apiDisabled,
  BILLING_DISABLED: project,
  CONSUMER_INVALID: project,
  CONSUMER_SUSPENDED: project,
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: noScope,
  ACCOUNT_STATE_INVALID: { code: 'key-revoked' },
  RATE_LIMIT_EXCEEDED: rateLimited,
  RESOURCE_QUOTA_EXCEEDED: rateLimited,
  SERVICE_BLOCKED: policy,
  API_KEY_SERVICE_BLOCKED: policy,
  SECURITY_POLICY_VIOLATED: policy,
  ORG_RESTRICTION_VIOLATION: policy,
  LOCATION_POLICY_VIOLATED: policy,
  LOCATION_ORG_POLICY_VIOLATED: policy,
};

/** Reasons that say no more than the status does. */
const VAGUE: ReadonlySet<string> = new Set(['', 'forbidden', 'badRequest', 'invalid', 'invalidParameter', 'required']);

export const isVague = (reason: string): boolean => VAGUE.has(reason);

export const meaningOf = (reason: string): Meaning | undefined =>
  Object.hasOwn(MEANINGS, reason) ? MEANINGS[reason] : undefined;
