import type { DriveAuth } from '../credentials/drive-auth.ts';
import type { DayCounters } from '../ledger/day-counters.ts';

/** The counts are exchanged less often than those of callers, because no delivery is decided by them. */
export const UPLOAD_COUNTS_INTERVAL_MS = 60_000;

/** How long after the first upload the code that counts is loaded, in milliseconds, so that no delivery waits for it. */
const LOAD_AFTER_MS = 1_000;

/** Counts the bytes that each Drive account is sent in a day (UTC), across all instances. */
export interface UploadCounts {
  /** @param credentials their name in the configuration @param account the account behind them */
  add(credentials: string, account: string, bytes: number): void;
  /** Bytes of today by the name of the credentials, of those that this instance has used. */
  known(): ReadonlyMap<string, number>;
  /** Bytes of today, after an exchange with the other instances. */
  uploadedBy(account: string): Promise<number>;
  close(): Promise<void>;
}

export const createUploadCounts = (open: () => Promise<DayCounters>): UploadCounts => {
  const accounts = new Map<string, string>();
  let pending: [account: string, bytes: number][] = [];
  let counters: DayCounters | undefined;
  let opening: Promise<DayCounters> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const load = async (): Promise<DayCounters> => {
    opening ??= open();
    counters = await opening;
    for (const [account, bytes] of pending) counters.add(account, bytes);
    pending = [];
    return counters;
  };

  return {
    add(credentials, account, bytes) {
      accounts.set(credentials, account);
      if (counters !== undefined) {
        counters.add(account, bytes);
        return;
      }
      pending.push([account, bytes]);
      timer ??= setTimeout(() => void load(), LOAD_AFTER_MS).unref();
    },
    known: () => new Map([...accounts].map(([credentials, account]) => [credentials, counters?.used(account) ?? 0])),
    async uploadedBy(account) {
      const loaded = await load();
      await loaded.refresh();
      return loaded.used(account);
    },
    async close() {
      clearTimeout(timer);
      if (counters !== undefined || pending.length > 0) await (await load()).close();
    },
  };
};

/** Counts the uploads of one Drive account. Until its email is known, it is counted under the name of its credentials. */
export const countUploads =
  (
    counts: Pick<UploadCounts, 'add'>,
    credentials: string,
    auth: Pick<DriveAuth, 'account'>,
  ): ((bytes: number) => void) =>
  (bytes) =>
    counts.add(credentials, auth.account() ?? credentials, bytes);
