import { z } from 'zod';
import { parseAnswer } from './client.ts';
import type { GoogleResponse } from '../google/transport.ts';
import type { DriveFile, NewFile } from './drive.ts';

/** The fields of the receipt, in Drive's mask syntax. */
export const FILE_FIELDS =
  'id,name,mimeType,size,md5Checksum,sha256Checksum,parents,trashed,webViewLink,createdTime,modifiedTime,headRevisionId,appProperties';

const file = z.object({
  id: z.string(),
  name: z.string(),
  mimeType: z.string(),
  size: z.coerce.number().optional(),
  md5Checksum: z.string().toLowerCase().optional(),
  sha256Checksum: z.string().toLowerCase().optional(),
  parents: z.array(z.string()).default([]),
  trashed: z.boolean().default(false),
  webViewLink: z.string().default(''),
  createdTime: z.string(),
  modifiedTime: z.string(),
  headRevisionId: z.string().optional(),
  appProperties: z.record(z.string(), z.string()).default({}),
});

/** A file as Drive describes it, checked. @throws CourierError `drive-unavailable` when it lacks what FILE_FIELDS asked for. */
export const parseFile = (described: unknown): DriveFile => {
  const { size, md5Checksum, sha256Checksum, headRevisionId, ...rest } = parseAnswer(() => file.parse(described));
  return { ...rest, size, md5Checksum, sha256Checksum, headRevisionId };
};

export const fileOf = ({ body }: Pick<GoogleResponse, 'body'>): DriveFile =>
  parseFile(parseAnswer(() => JSON.parse(body.toString())));

/** A new file's metadata as `files.create` takes them. */
export const metadataOf = ({ id, name, mimeType, folderId, description, convertTo, appProperties }: NewFile) => ({
  ...(id === undefined ? {} : { id }),
  name,
  // Drive converts when the file's type is one of its own and the media's type is not.
  mimeType: convertTo ?? mimeType,
  parents: [folderId],
  ...(description === undefined ? {} : { description }),
  ...(appProperties === undefined ? {} : { appProperties }),
});
