import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { isOwnType, type StoredFile } from '../drive/model.ts';
import type { DriveState } from '../drive/store/state.ts';
import type { GoogleCall } from '../google-service.ts';

/** RFC 6266: an ASCII name for all browsers, and the exact name in `filename*` (RFC 8187). */
function disposition(fileName: string): string {
  const wellFormed = fileName.toWellFormed();
  const plain = wellFormed.replace(/[^\x20-\x7e]|["\\/%]/g, '_');
  const encoded = encodeURIComponent(wellFormed).replace(
    /['()*!]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/**
 * Sends the newest bytes of a file as a download. They are never shown, because an uploaded page must not run at this
 * server's origin.
 * @returns false when the file has no bytes
 */
export async function sendDownload(
  state: DriveState,
  { response, method }: GoogleCall,
  file: StoredFile,
): Promise<boolean> {
  const head = file.revisions.at(-1);
  if (head === undefined) return false;
  const type = isOwnType(file.mimeType) ? (file.convertedFrom ?? 'application/octet-stream') : file.mimeType;
  response.writeHead(200, {
    'content-type': /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : 'application/octet-stream',
    'content-length': head.size,
    'content-disposition': disposition(file.name),
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  });
  if (method === 'HEAD' || head.size === 0) response.end();
  else await pipeline(createReadStream(state.store.contentPath(file.id, head.id)), response).catch(() => undefined);
  return true;
}
