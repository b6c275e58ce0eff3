import { ConfigError } from './config/faults.ts';

/** EX_CONFIG of sysexits.h. */
export const EXIT_CONFIG = 78;

/** What `read` answers; a configuration with faults is printed, all of it, and the process exits 78. */
export const orExitOnFaults = <Result>(read: () => Result): Result => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(EXIT_CONFIG);
  }
};
