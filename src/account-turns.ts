import type { DriveAuth } from './credentials/drive-auth.ts';
import { accountMarks } from './delivery/file-account.ts';
import type { Accounts, Destination } from './delivery/resolve-options.ts';
import type { UploadCounts } from './drive/upload-counts.ts';
import { CourierError, isAccountQuota } from './errors.ts';

/** A destination, with the credentials that files are written with. */
export interface DestinationWithAuth extends Destination {
  auth: DriveAuth;
  accounts?: Accounts<DestinationWithAuth> | undefined;
}

/** One account of the configuration, which several destinations may share. */
export interface Account extends Pick<DestinationWithAuth, 'auth' | 'drive' | 'folders' | 'sheets'> {
  name: string;
  /** Why Drive has refused an upload, and until when the account is therefore left out (epoch milliseconds). */
  refusal?: { error: CourierError; untilMs: number };
}

/** From this many bytes of a day on, another account is preferred: 95 % of what Drive accepts. */
const NEAR_UPLOAD_LIMIT_BYTES = 712_500_000_000;

/** How long an account is left out, in milliseconds. Afterwards one upload tries it again. */
const REFUSED_MS = { 'upload-limit-reached': 3_600_000, storage: 300_000 } as const;

/**
 * The accounts of a destination, in the order of the configuration: the first one is used until it is near its daily upload
 * limit or Drive refuses it, then the next one.
 */
export const takeTurns = (
  destination: Pick<Destination, 'name' | 'config' | 'render'>,
  accounts: readonly Account[],
  { now, uploadCounts }: { now: () => number; uploadCounts?: Pick<UploadCounts, 'known'> | undefined },
): readonly DestinationWithAuth[] => {
  const names = accounts.map(({ name }) => name);
  const isFree = ({ refusal }: Account): boolean => refusal === undefined || refusal.untilMs <= now();
  const next = (): number => {
    const uploaded = uploadCounts?.known();
    const isFar = ({ name }: Account): boolean => (uploaded?.get(name) ?? 0) < NEAR_UPLOAD_LIMIT_BYTES;
    const far = accounts.findIndex((account) => isFree(account) && isFar(account));
    return far === -1 ? accounts.findIndex(isFree) : far;
  };

  /** The refusal that ends first. */
  const allRefused = (): CourierError => {
    const refusals = accounts.flatMap(({ refusal }) => refusal ?? []);
    const first = refusals.reduce((one, other) => (other.untilMs < one.untilMs ? other : one));
    const { code, reason, facts } = first.error;
    return new CourierError(code, {
      detail: `Drive refuses uploads of all ${accounts.length} accounts of this destination.`,
      ...{ reason, facts: { ...facts, accounts: names.join(', ') }, cause: first.error },
      retryAfterSeconds: Math.max(1, Math.ceil((first.untilMs - now()) / 1_000)),
    });
  };

  const views: readonly DestinationWithAuth[] = accounts.map((account) => {
    const { name, auth, drive, folders, sheets } = account;
    const view: DestinationWithAuth = {
      ...{ ...destination, auth, drive, folders, sheets },
      accounts: {
        name,
        marks: accountMarks(name),
        account: () => auth.account() ?? name,
        all: () => views,
        hasOther: () => accounts.some((other) => other !== account && isFree(other)),
        of: ({ credentials }) => views[Math.max(0, names.indexOf(credentials ?? ''))] ?? view,
        choose() {
          const chosen = views[next()];
          if (chosen === undefined) throw allRefused();
          return chosen;
        },
        instead(error) {
          // The error of `choose` adds nothing to the original one.
          if (!isAccountQuota(error) || error.facts.accounts !== undefined) return undefined;
          const milliseconds = error.code === 'upload-limit-reached' ? REFUSED_MS[error.code] : REFUSED_MS.storage;
          account.refusal = { error, untilMs: now() + milliseconds };
          return views[next()];
        },
      },
    };
    return view;
  });
  return views;
};
