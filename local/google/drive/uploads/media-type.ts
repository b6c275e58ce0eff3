import { isOwnType } from '../model.ts';

const FALLBACK = 'application/octet-stream';

/**
 * The media type of the bytes, without parameters and in lower case: what their header says, else the metadata, unless that
 * names a Docs type: that is what they shall become. Source: guides/manage-uploads.
 */
export function mediaTypeOf(header: string | undefined, metadata: Readonly<Record<string, unknown>> = {}): string {
  const { mimeType } = metadata;
  const wished = typeof mimeType === 'string' && !isOwnType(mimeType) ? mimeType : undefined;
  const type = (header ?? wished)?.split(';')[0]?.trim().toLowerCase() ?? '';
  return /^[\w.+-]+\/[\w.+*-]+$/.test(type) ? type : FALLBACK;
}
