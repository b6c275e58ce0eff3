import type { DayCounters } from './ledger/day-counters.ts';

/** The bytes that Drive accepts from one account in a day: 750 GB (https://developers.google.com/workspace/drive/api/guides/limits). */
export const DAILY_UPLOAD_BYTES = 750_000_000_000;

/** The counts are exchanged less often than those of callers, because no delivery is decided by them. */
export const UPLOAD_COUNTS_INTERVAL_MS = 60_000;

/** After the first upload, the code that counts is loaded so much later, in milliseconds: no delivery waits for it. */
const LOAD_AFTER_MS = 1_000;

/** Counts the bytes that each Drive account is sent in a day (UTC), across all instances. */
export interface UploadCounts {
  /** @param credentials their name in the configuration @param account the account that they stand for */
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
