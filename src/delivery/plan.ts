import { type ConflictRule, LOCK_PROPERTY } from '../domain.ts';
import type { CallContext, DriveFile } from '../drive/drive.ts';
import { CourierError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import type { Sleep } from '../sleep.ts';
import { isDocsType } from '../text/media-type.ts';
import { checkConversion } from './checks/check-conversion.ts';
import { findConverted, resolveNamedFile } from './naming/named-file.ts';
import type { Destination, ResolvedRequest } from './resolve-options.ts';

/** What will be done to which Drive file; kept in the ledger under a key, so it is plain JSON. */
export type Plan = {
  folderId: string;
  /** Whose account writes the file, where the destination has several. */
  credentials?: string;
} & (
  | {
      kind: 'create';
      fileId: string;
      rule: ConflictRule;
      /** The ledger's key for the name, which is marked once the file is created. */
      nameKey?: string;
    }
  /** `convertTo` is the Docs editors type that the file has. */
  | ({
      kind: 'replace';
      fileId: string;
      convertTo?: string | undefined;
      formerRevisionId?: string | undefined;
    } & MayBeLocked)
  | { kind: 'skip'; fileId: string }
  | { kind: 'convert'; fileId: ''; target: string; rule: ConflictRule }
  /** `fileId` is "" until the sheet is made. `tab` is set if it depends on the time. */
  | ({ kind: 'appendRows' | 'replaceRows'; fileId: string; tab?: string | undefined } & MayBeLocked)
);

/**
 * Set for a file that the courier has made read-only, and may be so still: its destination may have lost `readOnly` since, or
 * share its folder with one that has it.
 */
interface MayBeLocked {
  mayBeLocked?: true | undefined;
}

export const lockOf = ({ appProperties }: Pick<DriveFile, 'appProperties'>): MayBeLocked => ({
  mayBeLocked: appProperties[LOCK_PROPERTY] === undefined ? undefined : true,
});

/** Whether the file of a plan may be read-only because of the courier. */
export const mayBeLocked = ({
  request,
  plan,
}: {
  request: Pick<ResolvedRequest, 'destination'>;
  plan: Plan;
}): boolean => request.destination.config.readOnly || ('mayBeLocked' in plan && plan.mayBeLocked === true);

export const nameTaken = ({ name }: ResolvedRequest, why?: string): CourierError =>
  new CourierError('name-taken', {
    detail: `"${name}" is already in the folder${why ?? ''}.`,
    ...(why === undefined
      ? {}
      : { remedy: 'Send another name, or onConflict=new or skip: this file cannot be replaced that way.' }),
  });

/**
 * Applies the conflict rule to a file that exists.
 * @param target Drive's type, for a conversion
 */
export const planForExisting = (
  request: ResolvedRequest,
  existing: DriveFile,
  folderId: string,
  target?: string,
): Plan => {
  const { id: fileId, mimeType, headRevisionId } = existing;
  if (request.onConflict === 'skip') return { kind: 'skip', fileId, folderId };
  if (request.onConflict === 'fail') throw nameTaken(request);
  const docsType = isDocsType(mimeType) ? mimeType : undefined;
  if (docsType !== target) {
    const as = docsType === undefined ? 'a file that is not a Google Docs file' : 'another kind of Google Docs file';
    throw nameTaken(request, target === undefined ? ' as a Google Docs file, which bytes cannot replace' : ` as ${as}`);
  }
  return {
    ...({ kind: 'replace', fileId, folderId } as const),
    convertTo: target,
    formerRevisionId: headRevisionId,
    ...lockOf(existing),
  };
};

export interface Planning {
  request: ResolvedRequest;
  folderId: string;
  source: { mimeType: string; size: number | undefined };
  ledger: Ledger;
  log: Log;
  context: CallContext;
  /** Epoch milliseconds. */
  now: () => number;
  sleep?: Sleep | undefined;
}

/** @throws CourierError `request-invalid` */
export const refuseKeptRevision = ({ details }: ResolvedRequest): void => {
  if (details.keepRevisionForever === true) {
    throw new CourierError('request-invalid', {
      detail: 'keepRevisionForever cannot be combined with convertTo: Drive keeps only revisions with bytes forever.',
    });
  }
};

const planConversion = async ({ request, folderId, source, ...means }: Planning): Promise<Plan> => {
  const { destination, convertTo, name, onConflict: rule } = request;
  const { drive } = destination;
  if (convertTo === undefined) throw new Error('a conversion needs a target');
  refuseKeptRevision(request);
  const { mimeType, size } = source;
  const target = await checkConversion({ drive, mimeType, size, convertTo, ...means });
  const existing = rule === 'new' ? undefined : await findConverted({ drive, folderId, name, ...means });
  return existing === undefined
    ? { kind: 'convert', fileId: '', target, rule, folderId }
    : planForExisting(request, existing, folderId, target);
};

/**
 * The destination with the account that writes: the one of an earlier try's plan, else the next one. Rows are not an upload: the
 * first account writes them, unless the plan names another one.
 */
export const accountFor = (
  { destination, onConflict }: Pick<ResolvedRequest, 'destination' | 'onConflict'>,
  plan: { credentials?: string } | undefined,
): Destination => {
  const { accounts } = destination;
  if (accounts === undefined || destination.config.spreadsheet !== undefined) return destination;
  if (onConflict === 'append' && plan?.credentials === undefined) return destination;
  return plan === undefined ? accounts.choose() : accounts.of(plan);
};

/** For calls that upload: whether another account can be used for new files. */
export const quotaOf = ({ accounts }: Destination): Pick<CallContext, 'believesLimit'> =>
  accounts?.hasOther() === true ? { believesLimit: true } : {};

/** The account for a new file; the first one, if Drive has refused all of them. */
const preferredAccount = (request: ResolvedRequest): Destination => {
  try {
    return accountFor(request, undefined);
  } catch {
    return request.destination;
  }
};

/** Works with the account for new files. If Drive refuses that one because of a quota, works with the one after it. */
export const asNextAccount = async <Result>(
  request: ResolvedRequest,
  work: (request: ResolvedRequest) => Promise<Result>,
): Promise<Result> => {
  let destination = preferredAccount(request);
  for (;;) {
    try {
      return await work({ ...request, destination });
    } catch (error) {
      const next = destination.accounts?.instead(error);
      if (next === undefined) throw error;
      destination = next;
    }
  }
};

/** Notes in a plan which account is to write, so that all tries of a key use the same one. */
export const withAccount = <Chosen extends Plan>(
  { destination: { accounts } }: ResolvedRequest,
  plan: Chosen,
): Chosen => (accounts === undefined || plan.kind === 'skip' ? plan : { ...plan, credentials: accounts.name });

/** Chooses the Drive file that the bytes will become, before any byte goes out. @throws CourierError `name-taken`, `conversion-refused` */
export const choosePlan = async (planning: Planning): Promise<Plan> =>
  withAccount(planning.request, await chooseFile(planning));

const chooseFile = async (planning: Planning): Promise<Plan> => {
  const { request, folderId, ledger, log, context, now, sleep } = planning;
  const { name, onConflict: rule } = request;
  const { drive } = request.destination;
  if (request.convertTo !== undefined) return planConversion(planning);
  if (rule === 'new') return { kind: 'create', fileId: await drive.newId(context), rule, folderId };
  const named = await resolveNamedFile({ drive, ledger, folderId, name, context, log, now, sleep });
  if ('existing' in named) return planForExisting(request, named.existing, folderId);
  return { kind: 'create', fileId: named.claimedId, rule, folderId, nameKey: named.nameKey };
};
