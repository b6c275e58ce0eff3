import { hash } from 'node:crypto';
import type { Identified } from './claims.ts';

/** Tokens that were verified, known by their SHA-256: the memory holds nothing that could be sent again. */
export interface Remembered {
  find(token: string): Identified | undefined;
  add(token: string, identified: Identified): void;
  forget(token: string): void;
  clear(): void;
}

const digest = (token: string): string => hash('sha256', token, 'base64url');

/** At most `limit` tokens; the one that was not used for longest makes room. */
export const createRemembered = (limit: number): Remembered => {
  const byDigest = new Map<string, Identified>();
  return {
    find(token) {
      const key = digest(token);
      const identified = byDigest.get(key);
      if (identified === undefined) return undefined;
      byDigest.delete(key); // a Map keeps the order of insertion: the latest used goes last
      byDigest.set(key, identified);
      return identified;
    },
    add(token, identified) {
      byDigest.set(digest(token), identified);
      const oldest = byDigest.size > limit ? byDigest.keys().next().value : undefined;
      if (oldest !== undefined) byDigest.delete(oldest);
    },
    forget(token) {
      byDigest.delete(digest(token));
    },
    clear() {
      byDigest.clear();
    },
  };
};
