import type { Answer, DriveCall } from '../../call/call.ts';
import { badRequest, DriveError } from '../../errors.ts';
import type { DriveState } from '../../store/state.ts';
import { mediaTypeOf } from '../media-type.ts';
import type { Sessions } from './sessions.ts';
import { uploadTargetOf } from '../upload-target.ts';

const headerOf = (call: DriveCall, name: string): string | undefined => {
  const value = call.google.request.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

/**
 * The size in `X-Upload-Content-Length`, in bytes. @throws DriveError 400, 413 for more than Drive accepts at all (5
 * TB)
 */
function announcedSize(call: DriveCall): number | undefined {
  const header = headerOf(call, 'x-upload-content-length');
  if (header === undefined) return undefined;
  if (!/^\d{1,15}$/.test(header.trim()))
    throw badRequest(`Invalid value for X-Upload-Content-Length: ${header}`, 'invalid');
  const size = Number(header);
  if (size > Number(call.method.mediaUpload?.maxSize ?? Number.POSITIVE_INFINITY))
    throw new DriveError(413, 'The file is too large.', { reason: 'uploadTooLarge' });
  return size;
}

/** Parameters with credentials, which must not appear in the session URI. */
const SECRETS = ['access_token', 'oauth_token'];

/**
 * Opens a resumable upload session after all checks that need no bytes. Anyone who has its URI, from `Location`, can upload
 * without a token. Source: guides/manage-uploads#resumable ("Send the initial request").
 */
export async function startSession(state: DriveState, sessions: Sessions, call: DriveCall): Promise<Answer> {
  const { google, grant, actor, supportsAllDrives } = call;
  const size = announcedSize(call);
  const metadata = await call.body();
  const effect = uploadTargetOf(call);
  const mimeType = mediaTypeOf(headerOf(call, 'x-upload-content-type'), metadata, effect.replacedType(state, call));
  effect.check(state, call, metadata, { mimeType, size });
  const url = new URL(google.url);
  for (const name of SECRETS) url.searchParams.delete(name);
  const { record } = sessions.open({
    httpMethod: google.method,
    url: url.href,
    grant,
    app: actor.app,
    supportsAllDrives,
    metadata,
    mimeType,
    size,
  });
  url.searchParams.set('upload_id', record.id);
  google.response.writeHead(200, {
    location: `${google.origin}/${google.host}${url.pathname}${url.search}`,
    'x-guploader-uploadid': record.id,
    'content-length': 0,
  });
  google.response.end();
  return 'answered';
}
