import { ConfigError } from './config/faults.ts';

/** EX_CONFIG of sysexits.h. */
export const EXIT_CONFIG = 78;

/**
 * Returns the result of `read`. If the configuration is invalid, all its errors are printed, and the process exits with 78.
 */
export const orExitOnFaults = <Result>(read: () => Result): Result => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(EXIT_CONFIG);
  }
};
