import { z } from 'zod';
import { CourierError } from '../../errors.ts';
import { createPageTokenCheck } from '../../page-tokens.ts';
import type { GoogleResponse } from '../../google/transport.ts';
import { turn } from '../../turns.ts';
import { parseAnswer, repeatedPage } from '../parse-answer.ts';
import type { CloudStorageDependencies } from '../sources/cloud-storage.ts';
import { needsUserProject, storageError } from '../sources/storage-refusal.ts';
import { type Prefix, prefixLabel } from './prefix.ts';

const pageSchema = z.object({
  nextPageToken: z.string().min(1).optional(),
  items: z
    .array(
      z.object({
        name: z.string(),
        generation: z.string().regex(/^\d+$/),
        size: z.string().regex(/^\d+$/).transform(Number),
      }),
    )
    .default([]),
});

/** An object as it was listed. */
export interface ListedObject {
  name: string;
  /** Decimal, as Cloud Storage writes it. */
  generation: string;
  /** Bytes. */
  size: number;
}

/** Objects that are handled in one turn of the event loop. */
const NAMES_PER_TURN = 4;

interface Reading {
  signal?: AbortSignal;
  deadlineMs?: number;
}

const readPage = (body: Buffer): z.infer<typeof pageSchema> =>
  parseAnswer('Cloud Storage', () => pageSchema.parse(JSON.parse(body.toString())));

/** The error for a bucket that does not exist, or that the caller must not know about. */
export const nothingFound = (prefix: Prefix): CourierError =>
  new CourierError('source-not-found', { detail: `No matching object was found below ${prefixLabel(prefix)}.` });

/**
 * Lists the objects below a prefix, page by page, ordered by name
 * (https://cloud.google.com/storage/docs/json_api/v1/objects/list).
 * @throws CourierError `source-not-found`, `source-forbidden`, `google-unavailable`
 */
export async function* listObjects(
  { transport, userProject, ...bearer }: CloudStorageDependencies,
  prefix: Prefix,
  reading: Reading = {},
): AsyncGenerator<ListedObject> {
  const request = (pageToken: string | undefined, payer: string | undefined): Promise<GoogleResponse> => {
    const url = new URL(`https://storage.googleapis.com/storage/v1/b/${encodeURIComponent(prefix.bucket)}/o`);
    url.searchParams.set('prefix', prefix.prefix);
    url.searchParams.set('fields', 'nextPageToken,items(name,generation,size)');
    if (pageToken !== undefined) url.searchParams.set('pageToken', pageToken);
    if (payer !== undefined) url.searchParams.set('userProject', payer);
    return transport.send({
      operation: 'storage.objects.list',
      method: 'GET',
      url: url.href,
      bearer,
      retry: 'idempotent',
      ...reading,
    });
  };
  let payer: string | undefined;
  let pageToken: string | undefined;
  const checkToken = createPageTokenCheck(() => repeatedPage('Cloud Storage'));
  do {
    let answer = await request(pageToken, payer);
    if (payer === undefined && userProject !== undefined && needsUserProject(answer)) {
      payer = userProject;
      answer = await request(pageToken, payer);
    }
    if (answer.status === 404) throw nothingFound(prefix);
    if (answer.status !== 200) {
      throw storageError(answer, {
        bucket: prefix.bucket,
        label: prefixLabel(prefix),
        userProject,
        courier: bearer.account?.(),
      });
    }
    const page = readPage(answer.body);
    checkToken(page.nextPageToken);
    for (const [index, item] of page.items.entries()) {
      // A page has a thousand names, which are compared with a pattern and parsed.
      if (index % NAMES_PER_TURN === NAMES_PER_TURN - 1) await turn();
      yield item;
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
}
