import { isOwnType } from '../model.ts';

const FALLBACK = 'application/octet-stream';

/**
 * The media type of the bytes, without parameters and in lower case: what their header says, else the metadata, unless that
 * names a Docs type, which is what they shall become; else that of the file whose bytes they replace. Source: guides/manage-uploads.
 */
export function mediaTypeOf(
  header: string | undefined,
  metadata: Readonly<Record<string, unknown>>,
  replaced: string | undefined,
): string {
  const { mimeType } = metadata;
  const wished = typeof mimeType === 'string' ? mimeType : undefined;
  const known = [wished, replaced].find((type) => type !== undefined && !isOwnType(type));
  const type = (header ?? known)?.split(';')[0]?.trim().toLowerCase() ?? '';
  return /^[\w.+-]+\/[\w.+*-]+$/.test(type) ? type : FALLBACK;
}
