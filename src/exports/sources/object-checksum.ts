import { createHash } from 'node:crypto';
import { AwsCrc32c } from '@aws-crypto/crc32c';
import { CourierError } from '../../errors.ts';
import { labelOf, type ObjectName } from './object-name.ts';

/** An incremental checksum and its expected value, both in base64. */
export interface Checksum {
  name: string;
  update(bytes: Uint8Array): unknown;
  digest(): Promise<string>;
  expected: string;
}

/** CRC32C if Cloud Storage provides it, else MD5. */
export const checksumOf = ({
  crc32c,
  md5Hash,
}: {
  crc32c?: string | undefined;
  md5Hash?: string | undefined;
}): (() => Checksum) | undefined => {
  if (crc32c !== undefined) {
    return () => {
      const sum = new AwsCrc32c();
      const digest = async (): Promise<string> => Buffer.from(await sum.digest()).toString('base64');
      return { name: 'CRC32C', update: (bytes) => sum.update(bytes), digest, expected: crc32c };
    };
  }
  if (md5Hash === undefined) return undefined;
  return () => {
    const hash = createHash('md5');
    return {
      name: 'MD5',
      update: (bytes) => hash.update(bytes),
      digest: async () => hash.digest('base64'),
      expected: md5Hash,
    };
  };
};

/** Passes the bytes through, and compares their checksum with the object's at the end. */
export async function* checked(
  bytes: AsyncIterable<Uint8Array>,
  checksum: Checksum,
  name: ObjectName,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    checksum.update(chunk);
    yield chunk;
  }
  if ((await checksum.digest()) !== checksum.expected) {
    throw new CourierError('google-unavailable', {
      detail: `The content of ${labelOf(name)} does not match its ${checksum.name}.`,
    });
  }
}
