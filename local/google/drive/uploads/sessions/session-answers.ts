import type { GoogleCall } from '../../../google-service.ts';
import { sendError, sendText } from '../../call/call.ts';
import { sendResource } from '../../call/send-resource.ts';
import { fileNotFound } from '../../errors.ts';
import { fileResource } from '../../files/resource.ts';
import type { DriveState } from '../../store/state.ts';
import { sessionCall } from './session-call.ts';
import type { SessionRecord } from './sessions.ts';
import { UploadError } from '../upload-errors.ts';

/**
 * Sends "308 Resume Incomplete" with the range that is stored; "if there is no Range header, no bytes were received".
 * Go's client asks for a 200 with 308 in a header, because RFC 7538 has given 308 another meaning:
 * googleapis/google-api-go-client, gensupport.
 */
export function sendIncomplete({ request, response }: GoogleCall, stored: number): void {
  const headers = { ...(stored === 0 ? {} : { range: `bytes=0-${stored - 1}` }), 'content-length': 0 };
  if (request.headers['x-guploader-no-308'] === 'yes')
    response.writeHead(200, { ...headers, 'x-http-status-code-override': '308' });
  else response.writeHead(308, 'Resume Incomplete', headers);
  response.end();
}

/**
 * Sends the current state of the file that a session created, as often as it is requested. @throws DriveError 404
 * when the file was deleted
 */
export function sendFinished(state: DriveState, record: SessionRecord, fileId: string, google: GoogleCall): void {
  const file = state.store.files.get(fileId);
  if (file === undefined) throw fileNotFound(fileId);
  const call = sessionCall(state, record, google);
  sendResource(state, call, fileResource(state, call.actor, file));
}

/**
 * A cancelled session answers 499 (guides/manage-uploads;
 * cloud.google.com/storage/docs/performing-resumable-uploads#cancel-upload).
 */
export function sendCancelled({ response }: GoogleCall): void {
  response.writeHead(499, 'Client Closed Request', { 'content-length': 0 });
  response.end();
}

export function sendErrorAnswer({ response }: GoogleCall, error: unknown): void {
  if (error instanceof UploadError && !response.headersSent) sendText(response, error.code, error.message);
  else sendError(response, error);
}
