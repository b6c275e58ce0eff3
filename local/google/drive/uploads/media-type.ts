import { isOwnType } from '../model.ts';

const FALLBACK = 'application/octet-stream';

/**
 * The media type of uploaded bytes, in lower case and without parameters. It comes from the header, else from the
 * metadata, else from the file that is replaced. A Docs type in the metadata is skipped: it is the target of a
 * conversion. Source: guides/manage-uploads.
 */
export function mediaTypeOf(
  header: string | undefined,
  metadata: Readonly<Record<string, unknown>>,
  replaced: string | undefined,
): string {
  const { mimeType } = metadata;
  const fromMetadata = typeof mimeType === 'string' ? mimeType : undefined;
  const known = [fromMetadata, replaced].find((type) => type !== undefined && !isOwnType(type));
  const type = (header ?? known)?.split(';')[0]?.trim().toLowerCase() ?? '';
  return /^[\w.+-]+\/[\w.+*-]+$/.test(type) ? type : FALLBACK;
}
