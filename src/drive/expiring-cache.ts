/** A bounded cache whose entries expire. When it is full, the entry that was added first makes room. */
export const createExpiringCache = <Value>({
  maxEntries,
  maxAgeMs,
  now,
}: {
  maxEntries: number;
  maxAgeMs: number;
  /** Epoch milliseconds. */
  now: () => number;
}) => {
  const entries = new Map<string, { value: Value; expiresAtMs: number }>();
  return {
    get(key: string): Value | undefined {
      const entry = entries.get(key);
      return entry !== undefined && now() < entry.expiresAtMs ? entry.value : undefined;
    },
    set(key: string, value: Value): void {
      entries.delete(key);
      const [oldest] = entries.keys();
      if (entries.size >= maxEntries && oldest !== undefined) entries.delete(oldest);
      entries.set(key, { value, expiresAtMs: now() + maxAgeMs });
    },
  };
};
