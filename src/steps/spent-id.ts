import type { Ledger } from '../ledger/ledger.ts';

/**
 * An id that Drive has used up without a file to show for it (the bytes arrived wrong and were taken back; somebody deleted
 * the file for good) cannot be created with again. A key whose first id is spent goes on to the next one, the same for all
 * tries: the ledger holds them in a chain.
 */
const chainKey = (key: string, turn: number): string => `${key}:again:${turn}`;

/** The last id of a key's chain; undefined while its first id is good. */
export const laterId = async (ledger: Ledger, key: string): Promise<{ fileId: string; turn: number } | undefined> => {
  let last: { fileId: string; turn: number } | undefined;
  for (let turn = 1; ; turn++) {
    const entry = await ledger.read(chainKey(key, turn));
    if (entry === undefined) return last;
    last = { fileId: entry.fileId, turn };
  }
};

/** Leads all tries of a key on from a spent id, unless another try has done so. */
export const replaceSpentId = async (
  ledger: Ledger,
  { key, spent, newId, nowMs }: { key: string; spent: string; newId: () => Promise<string>; nowMs: number },
): Promise<void> => {
  const last = await laterId(ledger, key);
  if (last !== undefined && last.fileId !== spent) return;
  const next = chainKey(key, (last?.turn ?? 0) + 1);
  await ledger.claim(next, { fileId: await newId(), fingerprint: '', state: 'claimed', claimedAtMs: nowMs });
};
