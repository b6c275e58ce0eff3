import type { DriveFile } from '../../drive/drive.ts';
import { CourierError } from '../../errors.ts';
import { acquireLease, type Lease, type LeaseWait } from '../../ledger/lease.ts';
import { realSleep, type Sleep } from '../../sleep.ts';
import { rememberConverted } from '../naming/named-file.ts';
import { isThere } from '../naming/names.ts';
import type { Plan } from '../plan.ts';
import type { DeliveryContext, ResolvedRequest } from '../resolve-options.ts';

/**
 * Drive accepts no id for a conversion, so a lease prevents a second one: one try at a time creates the document, and
 * renews the lease while it works. If its process ends or is paused, the lease expires. Whoever takes it over ends the upload
 * session of that try first, whose last request may still be on its way, and learns which document it has made.
 */
export const CONVERSION_LEASE_MS = 60_000;

/** The key of the lease on a name. A sheet that is made for rows takes the same one. */
export const nameLeaseKey = ({ name }: Pick<ResolvedRequest, 'name'>, { folderId }: Pick<Plan, 'folderId'>): string =>
  `convert:${JSON.stringify([folderId, name.normalize('NFC')])}`;

/** The part of a delivery that its name depends on. */
type NameStep = Pick<DeliveryContext, 'request' | 'ledger' | 'context' | 'log' | 'now'> & { sleep?: Sleep | undefined };

/**
 * Ends the upload session of the conversion that held the lease before. If it has made a document of the name, that is
 * noted under the name, because Drive's search may show it late.
 * @returns that document
 * @throws CourierError `drive-unavailable` if Drive or the ledger cannot tell, or keep, what it has made
 */
export const endFormerSession = async (
  { request, ledger, context, log, now, sleep }: NameStep,
  { folderId, isNamed }: { folderId: string; isNamed: boolean },
  sessionUri: string,
): Promise<DriveFile | undefined> => {
  const { name, destination } = request;
  const { drive } = destination;
  const made = await drive.endSession(sessionUri, context);
  if (made === undefined) return undefined;
  // A person may have changed it since. If Drive does not show it, or refuses to for a reason that lasts, its answer about the
  // session is all that is known.
  const shown = await drive.get(made.id, context).catch((error: unknown) => {
    if (!(error instanceof CourierError) || error.retryable) throw error;
    return undefined;
  });
  const file = shown ?? made;
  if (!isNamed || !isThere({ folderId, name }, file)) return file;
  const isKnown = await rememberConverted({ drive, ledger, folderId, name, context, log, now, sleep }, file.id);
  if (!isKnown) throw new CourierError('drive-unavailable', { detail: 'The ledger could not record a document.' });
  return file;
};

/**
 * Waits for the lease of a name, which all conversions of the name in the folder take as well.
 * @param onFormer called with the document of a conversion that has let the lease expire
 * @throws CourierError `drive-unavailable` if the wait ends first
 */
export const acquireNameLease = (
  step: NameStep,
  folderId: string,
  wait: LeaseWait,
  onFormer?: (made: DriveFile) => void,
): Promise<Lease> => {
  const { request, ledger, now, sleep = realSleep } = step;
  const endFormerWork = async (sessionUri: string): Promise<void> => {
    const made = await endFormerSession(step, { folderId, isNamed: true }, sessionUri);
    if (made !== undefined) onFormer?.(made);
  };
  const options = { now, sleep, ttlMs: CONVERSION_LEASE_MS, endFormerWork };
  return acquireLease(ledger, nameLeaseKey(request, { folderId }), 'Another delivery to this name', wait, options);
};
