import { CourierError } from '../errors.ts';

/** One byte more than a credentials document may have: enough to see that it is too large. */
const READ_BYTES = 65_537;

/** Reads a mounted credentials file. @throws CourierError `key-invalid` */
export const readKeyFile = async (path: string): Promise<Buffer> => {
  try {
    // Two milliseconds of a start that keys in Secret Manager need not pay.
    const { open } = await import('node:fs/promises');
    const file = await open(path, 'r');
    try {
      if (!(await file.stat()).isFile()) throw new Error('not a regular file');
      const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code: why = 'not a regular file' } = error as NodeJS.ErrnoException;
    throw new CourierError('key-invalid', {
      detail: `The credentials file of the configuration cannot be read (${why}).`,
      remedy: 'Mount the credentials file at the configured path, readable by the courier.',
    });
  }
};
