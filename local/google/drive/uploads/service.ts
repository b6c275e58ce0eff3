import type { IncomingHttpHeaders } from 'node:http';
import type { GoogleCall } from '../../google-service.ts';
import type { Answer, DriveCall } from '../call/call.ts';
import { invalidValue, notImplemented, required } from '../errors.ts';
import type { DriveState } from '../store/state.ts';
import { drain } from './body-chunks.ts';
import { startSession } from './sessions/resumable-start.ts';
import { sendCancelled, sendErrorAnswer } from './sessions/session-answers.ts';
import { answerSession } from './sessions/session-request.ts';
import { openSessions, type Sessions } from './sessions/sessions.ts';
import { uploadMedia, uploadMultipart } from './single-request.ts';
import { methodNotAllowed, noSuchSession } from './upload-errors.ts';

export interface Uploads {
  /** Handles uploads in one request, and starts sessions. @throws DriveError */
  handle(call: DriveCall): Promise<Answer>;
  /**
   * Handles requests to a session URI, which need no token. Returns false for other paths; otherwise it has sent the
   * answer, which may be an error.
   */
  session(google: GoogleCall): Promise<boolean>;
}

/** Rejects the other upload protocol (`X-Goog-Upload-Protocol`) and compressed bodies. @throws DriveError 501 */
function refuseUnknown(headers: IncomingHttpHeaders, methodId: string): void {
  const foreign = Object.keys(headers).find((name) => name.startsWith('x-goog-upload-'));
  if (foreign !== undefined) throw notImplemented(methodId, `the header ${foreign}`);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw notImplemented(methodId, `uploads with Content-Encoding: ${encoding}`);
}

const isResumablePath = ({ url }: GoogleCall): boolean => url.pathname.startsWith('/resumable/');

/** @throws DriveError */
function handle(state: DriveState, sessions: Sessions, call: DriveCall): Promise<Answer> {
  const { google, method, parameters } = call;
  refuseUnknown(google.request.headers, method.id);
  if (parameters.text('upload_protocol') !== undefined) throw notImplemented(method.id, 'upload_protocol');
  const type = parameters.text('uploadType') ?? (isResumablePath(google) ? 'resumable' : undefined);
  if (type === 'resumable') return startSession(state, sessions, call);
  if (type === undefined) throw required('uploadType', 'Required parameter: uploadType');
  if (isResumablePath(google)) throw invalidValue('uploadType');
  if (type === 'media') return uploadMedia(state, call);
  if (type === 'multipart') return uploadMultipart(state, call);
  throw invalidValue('uploadType');
}

const SESSION_PATH = /^\/(resumable\/)?upload\/drive\/v3\/files(\/[^/]+)?$/;

async function answer(state: DriveState, sessions: Sessions, id: string, google: GoogleCall): Promise<void> {
  refuseUnknown(google.request.headers, 'drive.files.create');
  const session = sessions.find(id);
  if (session === undefined) throw noSuchSession();
  // The guide uses PUT, rclone uses POST.
  if (google.method === 'PUT' || google.method === 'POST') return answerSession({ state, sessions, session, google });
  if (google.method !== 'DELETE') throw methodNotAllowed();
  sessions.cancel(session);
  sendCancelled(google);
}

/** Simple, multipart and resumable uploads. Source: developers.google.com/workspace/drive/api/guides/manage-uploads. */
export function createUploads(state: DriveState): Uploads {
  const sessions = openSessions(state);
  return {
    handle: async (call) => handle(state, sessions, call),
    session: async (google) => {
      const id = google.url.searchParams.get('upload_id');
      if (id === null || !SESSION_PATH.test(google.url.pathname)) return false;
      try {
        await answer(state, sessions, id, google);
      } catch (error) {
        await drain(google.request);
        sendErrorAnswer(google, error);
      }
      return true;
    },
  };
}
