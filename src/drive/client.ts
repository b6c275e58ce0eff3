import { z } from 'zod';
import { callWithBearer } from '../bearer.ts';
import type { DriveAuth } from '../credentials/drive-auth.ts';
import type { FileDetails } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { GoogleRequest, GoogleResponse, GoogleTransport } from '../google/transport.ts';
import { createDriveClock, type DriveClock } from '../steady-clock.ts';
import { driveError } from './answers/errors.ts';
import type { CallContext, DriveFile, NewFile } from './drive.ts';
import type { Pace } from './pacing.ts';
import { ADDED_PROPERTY } from './files/query.ts';

export const DRIVE_URL = 'https://www.googleapis.com/drive/v3';
export const UPLOAD_URL = 'https://www.googleapis.com/upload/drive/v3';

export type DriveRequest = Omit<GoogleRequest, 'signal' | 'deadlineMs' | 'callStats'> & {
  /** Quota units. */
  units: number;
};

/** Calls to Drive as one account. */
export interface DriveClient {
  /** Any answer, with any status. @throws CourierError `drive-unavailable` without one, and the codes of `DriveAuth.token`. */
  call(request: DriveRequest, context: CallContext): Promise<GoogleResponse>;
  /** As `call`, without the bearer token: anyone who has a session URI may write to it. */
  callSession(request: DriveRequest, context: CallContext): Promise<GoogleResponse>;
  /** The time by Drive's clock, in epoch milliseconds. */
  driveNow(): number;
  /** What an error answer means. */
  error(response: GoogleResponse, operation: string): CourierError;
}

const asDriveFailure = (error: unknown): unknown =>
  error instanceof CourierError && error.code === 'google-unavailable'
    ? new CourierError('drive-unavailable', { cause: error })
    : error;

/**
 * Reads a successful answer of Drive. If it is not JSON, or not of the form that Google documents, it comes from a proxy or an
 * outage. So it is a transient error, and no fault of the courier.
 */
export const parseAnswer = <Answer>(parse: () => Answer): Answer => {
  try {
    return parse();
  } catch (cause) {
    throw new CourierError('drive-unavailable', { detail: "Drive's answer cannot be read.", cause });
  }
};

export const createDriveClient = ({
  transport,
  auth,
  pace,
  now = Date.now,
  clock = createDriveClock(now),
}: {
  transport: Pick<GoogleTransport, 'send'>;
  auth: DriveAuth;
  pace: Pace;
  /** Epoch milliseconds. */
  now?: () => number;
  /** Of all accounts, so that each uses what the answers to the others have shown. Default: one for this account. */
  clock?: DriveClock | undefined;
}): DriveClient => {
  const error: DriveClient['error'] = (response, operation) =>
    driveError(response, { operation, account: auth.account() });

  const send = async (request: DriveRequest, context: CallContext): Promise<GoogleResponse> => {
    const { units } = request;
    // Uploads pass their whole request as the context.
    const { signal, deadlineMs, callStats } = context;
    let objection: unknown;
    let sentMs = 0;
    const beforeAttempt = async (): Promise<void> => {
      await pace.spend(units, context);
      try {
        await context.beforeSend?.();
      } catch (error) {
        objection = error;
        throw error;
      }
      if (callStats !== undefined) callStats.units += units;
      sentMs = now();
    };
    const onTransient = ({ status }: GoogleResponse): void => {
      // Of the transient answers, these two are Drive's rate limits.
      if (status === 429 || status === 403) pace.slowDown(units);
    };
    const onSend = request.method === 'GET' ? undefined : context.onSend;
    const sent = { ...request, signal, deadlineMs, callStats, beforeAttempt, onSend, onTransient };
    const response = await transport.send(sent).catch((thrown: unknown) => {
      throw thrown === objection ? thrown : asDriveFailure(thrown);
    });
    clock.answered(response.headers.date, sentMs);
    return response;
  };

  return {
    call: (request, context) =>
      callWithBearer(auth, (token) =>
        send({ ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }, context),
      ),
    callSession: send,
    driveNow: clock.now,
    error,
  };
};

/** The fields of the receipt, in Drive's mask syntax. */
export const FILE_FIELDS =
  'id,name,mimeType,size,md5Checksum,sha256Checksum,parents,trashed,webViewLink,createdTime,modifiedTime,headRevisionId,appProperties';

const file = z.object({
  id: z.string(),
  name: z.string(),
  mimeType: z.string(),
  size: z.coerce.number().optional(),
  md5Checksum: z.string().toLowerCase().optional(),
  sha256Checksum: z.string().toLowerCase().optional(),
  parents: z.array(z.string()).default([]),
  trashed: z.boolean().default(false),
  webViewLink: z.string().default(''),
  createdTime: z.string(),
  modifiedTime: z.string(),
  headRevisionId: z.string().optional(),
  appProperties: z.record(z.string(), z.string()).default({}),
});

/** A file as Drive describes it, checked. @throws CourierError `drive-unavailable` when it lacks what FILE_FIELDS asked for. */
export const parseFile = (described: unknown): DriveFile => {
  const parsed = parseAnswer(() => file.parse(described));
  // Every member is listed, including those that are undefined, so that all files have the same hidden class in V8.
  return {
    id: parsed.id,
    name: parsed.name,
    mimeType: parsed.mimeType,
    size: parsed.size,
    md5Checksum: parsed.md5Checksum,
    sha256Checksum: parsed.sha256Checksum,
    parents: parsed.parents,
    trashed: parsed.trashed,
    webViewLink: parsed.webViewLink,
    createdTime: parsed.createdTime,
    modifiedTime: parsed.modifiedTime,
    headRevisionId: parsed.headRevisionId,
    appProperties: parsed.appProperties,
  } satisfies Record<keyof z.infer<typeof file>, unknown>;
};

export const fileOf = ({ body }: Pick<GoogleResponse, 'body'>): DriveFile =>
  parseFile(parseAnswer(() => JSON.parse(body.toString())));

/** The details of a file as `files.create` and `files.update` take them; what is undefined is left out of the JSON. */
export const detailFields = ({ description, modifiedTime, properties }: FileDetails) => ({
  description,
  modifiedTime,
  properties,
});

/** A new file's metadata as `files.create` takes them. */
export const metadataOf = (file: NewFile) => ({
  id: file.id,
  name: file.name,
  // Drive converts when the file's type is one of its own and the media's type is not.
  mimeType: file.convertTo ?? file.mimeType,
  parents: [file.folderId],
  ...detailFields(file),
  createdTime: file.createdTime,
  appProperties:
    file.addedTime === undefined ? file.appProperties : { ...file.appProperties, [ADDED_PROPERTY]: file.addedTime },
});
