import { createHash } from 'node:crypto';
import { z } from 'zod';
import { invalidValue } from '../errors.ts';

const tokenSchema = z.tuple([z.string(), z.int().min(0), z.string()]);

/** Identifies the search of a page token, because all other parameters must stay the same between pages. */
const fingerprintOf = (search: unknown): string =>
  createHash('sha256').update(JSON.stringify(search)).digest('base64url').slice(0, 16);

const readToken = (token: string, search: unknown): { lastId: string; offset: number } => {
  try {
    const [fingerprint, offset, lastId] = tokenSchema.parse(JSON.parse(Buffer.from(token, 'base64url').toString()));
    if (fingerprint === fingerprintOf(search)) return { lastId, offset };
  } catch {
    // Not a page token of this server.
  }
  throw invalidValue('pageToken');
};

/**
 * Returns the page that follows the last item of the page before. Items that were added or removed in between do not
 * shift it.
 * @param search everything that determines `items`
 * @throws DriveError 400 `invalid` at `pageToken`
 */
export function pageOf<Item extends { id: string }>(
  items: readonly Item[],
  pageSize: number,
  pageToken: string | undefined,
  search: unknown,
): { page: Item[]; nextPageToken: string | undefined } {
  let start = 0;
  if (pageToken !== undefined) {
    const { lastId, offset } = readToken(pageToken, search);
    const last = items.findIndex(({ id }) => id === lastId);
    start = last < 0 ? offset : last + 1;
  }
  const page = items.slice(start, start + pageSize);
  const end = start + page.length;
  const token = [fingerprintOf(search), end, page.at(-1)?.id ?? ''];
  const nextPageToken = end < items.length ? Buffer.from(JSON.stringify(token)).toString('base64url') : undefined;
  return { page, nextPageToken };
}
