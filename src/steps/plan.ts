import type { ConflictRule } from '../delivery.ts';
import { checkConversion } from '../drive/convert.ts';
import type { CallContext, DriveFile } from '../drive/drive.ts';
import { resolveNamedFile } from '../drive/named-file.ts';
import { CourierError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import type { Order } from './settle.ts';

/** What will be done to which Drive file; kept in the ledger under a key, so it is plain JSON. */
export type Plan = { folderId: string } & (
  | { kind: 'create'; fileId: string; rule: ConflictRule }
  | { kind: 'replace'; fileId: string }
  | { kind: 'skip'; fileId: string }
  | { kind: 'convert'; fileId: ''; target: string }
);

const DOCS_TYPE = 'application/vnd.google-apps.';

const nameTaken = ({ name }: Order, why = ''): CourierError =>
  new CourierError('name-taken', { detail: `"${name}" is already in the folder${why}.` });

/** What the conflict rule makes of a file that is there. */
export const planForExisting = (order: Order, existing: DriveFile, folderId: string): Plan => {
  if (order.onConflict === 'skip') return { kind: 'skip', fileId: existing.id, folderId };
  if (order.onConflict === 'fail') throw nameTaken(order);
  const isDocsFile = existing.mimeType.startsWith(DOCS_TYPE);
  if (isDocsFile !== (order.convertTo !== undefined)) {
    throw nameTaken(
      order,
      isDocsFile ? ' as a Google Docs file, which bytes cannot replace' : ' as a file that is not a Google Docs file',
    );
  }
  return { kind: 'replace', fileId: existing.id, folderId };
};

interface Planning {
  order: Order;
  folderId: string;
  source: { mimeType: string; size: number | undefined };
  ledger: Ledger;
  log: Log;
  context: CallContext;
}

const planConversion = async ({ order, folderId, source, context }: Planning): Promise<Plan> => {
  const { place, convertTo, name } = order;
  if (convertTo === undefined) throw new Error('a conversion needs a target');
  const target = await checkConversion({
    drive: place.drive,
    mimeType: source.mimeType,
    size: source.size,
    convertTo,
    context,
  });
  // Drive takes no pre-generated id for a conversion, so its list is the only thing that can be asked for the name.
  const [existing] = order.onConflict === 'new' ? [] : await place.drive.find(folderId, name, context);
  return existing === undefined
    ? { kind: 'convert', fileId: '', target, folderId }
    : planForExisting(order, existing, folderId);
};

/** Chooses the Drive file that the bytes will become, before any byte goes out. @throws CourierError `name-taken`, `conversion-refused` */
export const choosePlan = async (planning: Planning): Promise<Plan> => {
  const { order, folderId, ledger, log, context } = planning;
  const { drive } = order.place;
  if (order.convertTo !== undefined) return planConversion(planning);
  if (order.onConflict === 'new') {
    return { kind: 'create', fileId: await drive.newId(context), rule: 'new', folderId };
  }
  const named = await resolveNamedFile({ drive, ledger, folderId, name: order.name, context, log });
  return 'existing' in named
    ? planForExisting(order, named.existing, folderId)
    : { kind: 'create', fileId: named.claimedId, rule: order.onConflict, folderId };
};
