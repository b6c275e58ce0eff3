/** What a request to a session URI says about its body. */
export type ContentRange =
  | { kind: 'chunk'; first: number; last: number; total: number | undefined }
  /** No bytes, only a question: how much is there? Or, when the total is all there is, the end. */
  | { kind: 'status'; total: number | undefined }
  /** No header: the body is the whole file. */
  | { kind: 'whole' };

const FORM = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(?:(\d{1,15})|\*)$/i;

/**
 * Reads `bytes 0-524287/2000000`, an asterisk in the place of what is not known, or no header at all.
 * Source: developers.google.com/workspace/drive/api/guides/manage-uploads#resumable.
 * @returns undefined for what is none of these
 */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  if (header === undefined) return { kind: 'whole' };
  const found = FORM.exec(header.trim());
  if (found === null) return undefined;
  const [first, last, total] = found.slice(1).map((digits) => (digits === undefined ? undefined : Number(digits)));
  if (first === undefined || last === undefined) return { kind: 'status', total };
  if (first > last || (total !== undefined && last >= total)) return undefined;
  return { kind: 'chunk', first, last, total };
}
