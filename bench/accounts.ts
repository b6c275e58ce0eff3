import { CALLER } from './contenders.ts';
import type { GoogleProcess } from './processes.ts';

/**
 * Drive grants each account so many files a minute, and the courier heeds that (3,250 at once, then 108 a second): with one
 * account most of a long load would go by in waiting.
 */
const ACCOUNTS = 8;

const nameOf = (serial: number): string => `account-${serial % ACCOUNTS}`;

/** A configuration with so many destinations, each with credentials, and so a pace, of its own. */
export const manyAccounts = ({ places, secret }: GoogleProcess): object => {
  const names = Array.from({ length: ACCOUNTS }, (_, at) => nameOf(at));
  const entries = <Value>(value: (name: string) => Value) =>
    Object.fromEntries(names.map((name) => [name, value(name)]));
  return {
    destinations: entries((credentials) => ({ folder: places.sharedDrive, credentials, callers: [CALLER] })),
    credentials: entries(() => ({ secret })),
  };
};

/** Of the next file, so that the accounts take turns. */
export const addressOf = (url: string, serial: number): string =>
  `${url}/?name=file-${serial}.csv&destination=${nameOf(serial)}`;
