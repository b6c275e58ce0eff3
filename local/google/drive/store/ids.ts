import { createHash, randomBytes } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Ids in the shapes that Drive gives them. */
export interface Ids {
  file(): string;
  /** My Drive folders and shared drives: `0A…Uk9PVA` ("ROOT" in base64). */
  root(): string;
  revision(): string;
  /** The secret of a session URI. */
  upload(): string;
}

/** Never drawn from a seed: after a restart they must not come again. */
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

/** A person's permission id is the same everywhere: here it follows from the email, so that a restart keeps it. */
export const permissionIdOf = (identity: string): string => {
  const digits = createHash('sha256').update(identity.toLowerCase()).digest().readBigUInt64BE(0).toString();
  return digits.padStart(20, '0');
};
