import { createHash } from 'node:crypto';
import type { CallContext, DriveFile } from '../drive/drive.ts';
import type { Accounts, Destination, ResolvedRequest } from './resolve-options.ts';

/**
 * Private properties of files in a destination with several accounts: whose account created the file, and whose last replaced
 * its bytes. After a lost answer, a file can be found that another account has written than the one that is used now.
 */
const PROPERTIES = { creator: 'courierCreator', writer: 'courierWriter' } as const;

/** The private properties with the account of these credentials, whose name may be too long for one. */
export const accountMarks = (credentials: string): Accounts['marks'] => {
  const mark = createHash('sha256').update(credentials).digest('base64url').slice(0, 32);
  return { creator: { [PROPERTIES.creator]: mark }, writer: { [PROPERTIES.writer]: mark } };
};

/** The account of a mark. */
const marked = ({ accounts }: Destination, mark: string | undefined): Destination | undefined =>
  mark === undefined
    ? undefined
    : accounts?.all().find((each) => each.accounts?.marks.creator[PROPERTIES.creator] === mark);

/** The account that has written bytes which others have replaced since. Drive shows its address, if that is known. */
const writerOfRevision = async (
  { drive, accounts }: Destination,
  { id, md5Checksum }: DriveFile,
  context: CallContext,
): Promise<Destination | undefined> => {
  // The delivery is stored, so it does not fail if Drive does not say who has written it.
  const revisions = (await drive.revisions(id, context).catch(() => undefined)) ?? [];
  const writer = revisions.findLast((revision) => revision.md5Checksum === md5Checksum)?.writer;
  return accounts?.all().find((each) => each.accounts?.account() === writer);
};

/**
 * The request with the account that has sent the bytes of a delivery, as far as Drive tells; otherwise with that of the plan.
 * @param file as Drive shows it now, but with the MD5 of the delivery's bytes
 * @param sha256 of the delivery's bytes
 */
export const asWriter = async (
  request: ResolvedRequest,
  { file, isNew, sha256 }: { file: DriveFile; isNew: boolean; sha256: string | null | undefined },
  context: CallContext,
): Promise<ResolvedRequest> => {
  const { destination } = request;
  if (destination.accounts === undefined) return request;
  const find = (): Destination | undefined | Promise<Destination | undefined> => {
    const { [PROPERTIES.creator]: creator, [PROPERTIES.writer]: writer = creator } = file.appProperties;
    // The last writer of a document may be another delivery: Drive has no checksum of it.
    if (file.sha256Checksum === undefined) return marked(destination, isNew ? creator : undefined);
    return file.sha256Checksum === sha256 ? marked(destination, writer) : writerOfRevision(destination, file, context);
  };
  return { ...request, destination: (await find()) ?? destination };
};
