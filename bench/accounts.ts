import { CALLER } from './programs/contenders.ts';
import type { GoogleProcess } from './programs/processes.ts';

/**
 * Drive limits the number of files that each account may create in a minute, and the courier respects that (3,250 at
 * once, then 108 a second). With one account, most of a long load would be waiting.
 */
const ACCOUNTS = 8;

const nameOf = (serial: number): string => `account-${serial % ACCOUNTS}`;

/** A configuration with several destinations, each with its own credentials and therefore its own rate limit. */
export const manyAccounts = ({ places, secret }: GoogleProcess): object => {
  const names = Array.from({ length: ACCOUNTS }, (_, at) => nameOf(at));
  const entries = <Value>(value: (name: string) => Value) =>
    Object.fromEntries(names.map((name) => [name, value(name)]));
  return {
    destinations: entries((credentials) => ({ folder: places.sharedDrive, credentials, callers: [CALLER] })),
    credentials: entries(() => ({ secret })),
  };
};

/** The destination of the next file, so that the accounts take turns. */
export const addressOf = (url: string, serial: number): string =>
  `${url}/?name=file-${serial}.csv&destination=${nameOf(serial)}`;
