import { createHash, randomBytes } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Generates IDs in the formats of the real Drive. */
export interface Ids {
  file(): string;
  /** My Drive folders and shared drives: `0A…Uk9PVA` ("ROOT" in base64). */
  root(): string;
  revision(): string;
  /** The `upload_id` of a session URI, which is a secret. */
  upload(): string;
}

/** Not from the seeded generator: an ID must not be issued a second time after a restart. */
const unforeseen = (length: number): string => randomBytes(length).toString('base64url').slice(0, length);

/** @param random in [0, 1) */
export function createIds(random: () => number, isTaken: (id: string) => boolean): Ids {
  const letters = (length: number): string =>
    Array.from({ length }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]).join('');
  const fresh = (make: () => string): string => {
    let id = make();
    while (isTaken(id)) id = make();
    return id;
  };
  return {
    file: () => fresh(() => `1${letters(32)}`),
    root: () => fresh(() => `0A${letters(11)}Uk9PVA`),
    revision: () => `0B${unforeseen(49)}`,
    upload: () => `ABPtcP${unforeseen(96)}`,
  };
}

/**
 * A person has the same permission ID everywhere. Here it is derived from the email, so that it stays the same after a
 * restart.
 */
export const permissionIdOf = (identity: string): string => {
  const digits = createHash('sha256').update(identity.toLowerCase()).digest().readBigUInt64BE(0).toString();
  return digits.padStart(20, '0');
};
