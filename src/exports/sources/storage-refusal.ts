import { CourierError } from '../../errors.ts';
import { parseGoogleError } from '../../text/google/google-error.ts';

/** The object whose bytes or metadata were requested. */
interface RequestedObject {
  bucket: string;
  /** `gs://bucket/object` */
  label: string;
  userProject?: string | undefined;
  /** True if it was to be deleted rather than read, which needs another role. */
  isDeletion?: boolean;
  /** The email of the courier's own account, if it is known. */
  courier: string | undefined;
}

interface ErrorResponse {
  status: number;
  /** The body or its beginning: JSON, or plain text if the bytes of an object were requested. */
  body: Buffer;
}

const read = ({ body }: ErrorResponse): { reasons: string[]; text: string } => {
  const error = parseGoogleError(body);
  if (error === undefined) return { reasons: [], text: body.toString() };
  return { reasons: [...error.detailReasons, ...error.reasons], text: error.message };
};

/** True for 400 "Bucket is a requester pays bucket but no user project provided." (reason `required`). */
export const needsUserProject = (response: ErrorResponse): boolean =>
  response.status === 400 && /requester pays|user project/i.test(read(response).text);

interface Explanation {
  detail: string;
  remedy?: string;
}

const USE_PROJECT = 'roles/serviceusage.serviceUsageConsumer';

const explain = (response: ErrorResponse, { bucket, label, userProject }: RequestedObject): Explanation | undefined => {
  const { reasons, text } = read(response);
  const has = (...expected: string[]): boolean => reasons.some((reason) => expected.includes(reason));
  if (needsUserProject(response) || has('userProjectMissing')) {
    return {
      detail: `gs://${bucket} is a requester-pays bucket, and no project to bill is configured.`,
      remedy: `Set "userProject" in the configuration to the project that pays, and grant {courier} ${USE_PROJECT} on it.`,
    };
  }
  if (has('UserProjectAccessDenied', 'USER_PROJECT_DENIED') || /serviceusage\.services\.use/.test(text)) {
    return {
      detail: `The courier is not allowed to bill the project ${userProject ?? 'that is configured'} for reading ${label}.`,
      remedy: `Grant {courier} ${USE_PROJECT} on ${userProject === undefined ? 'the project that "userProject" names' : `the project ${userProject}`}.`,
    };
  }
  if (has('userProjectInvalid', 'userProjectInconsistent')) {
    return {
      detail: `Cloud Storage does not accept the project ${userProject ?? 'that is configured'} for billing.`,
      remedy: 'Correct "userProject" in the configuration.',
    };
  }
  if (has('resourceIsEncryptedWithCustomerEncryptionKey') || /customer-supplied encryption key/i.test(text)) {
    return customerKey(label);
  }
  if (has('accessNotConfigured', 'SERVICE_DISABLED')) {
    return {
      detail: "The Cloud Storage API is disabled in the courier's project.",
      remedy: 'Run "gcloud services enable storage.googleapis.com" in the courier\'s project.',
    };
  }
  if (has('SECURITY_POLICY_VIOLATED', 'vpcServiceControls')) {
    return {
      detail: `A VPC Service Controls perimeter does not let the courier read ${label}.`,
      remedy: 'Ask the administrator of the organization to admit {courier} to the perimeter.',
    };
  }
  return undefined;
};

const customerKey = (label: string): Explanation => ({
  detail: `${label} is encrypted with a customer-supplied key, which the courier does not have.`,
  remedy: 'Store the object without a customer-supplied encryption key, for example with a Cloud KMS key.',
});

export const encryptedWithCustomerKey = (label: string): CourierError =>
  new CourierError('source-forbidden', {
    ...customerKey(label),
    reason: 'resourceIsEncryptedWithCustomerEncryptionKey',
  });

/**
 * Converts an error response of Cloud Storage, other than "not found", to an error. An unknown 4xx persists until
 * somebody fixes its cause, so it counts as an error in the set-up.
 */
export const storageError = (response: ErrorResponse, requested: RequestedObject): CourierError => {
  const { status } = response;
  const { reasons } = read(response);
  const [reason] = reasons;
  const facts = { bucket: `gs://${requested.bucket}`, courier: requested.courier };
  const isRateLimit = status === 403 && reasons.some((each) => /rateLimitExceeded$/i.test(each));
  if (status === 408 || status === 429 || status >= 500 || status < 400 || isRateLimit) {
    return new CourierError('google-unavailable', { detail: `Cloud Storage answered ${status}.`, reason });
  }
  const explanation = explain(response, requested);
  if (explanation !== undefined) return new CourierError('source-forbidden', { ...explanation, reason, facts });
  if (status === 401 || status === 403) {
    return new CourierError('source-forbidden', {
      detail: `${requested.label} may not be ${requested.isDeletion ? 'deleted' : 'read'}.`,
      remedy: requested.isDeletion ? 'Grant {courier} roles/storage.objectUser on {bucket}.' : undefined,
      reason,
      facts,
    });
  }
  const why = reason === undefined ? '' : ` with the reason "${reason}"`;
  return new CourierError('source-forbidden', {
    detail: `Cloud Storage answered ${status}${why} for ${requested.label}, which the courier does not know.`,
    remedy:
      "Look up the reason in Google's documentation (https://cloud.google.com/storage/docs/json_api/v1/status-codes), and check the bucket's settings.",
    reason,
  });
};
