import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { DestinationConfig } from '../../../src/config/schema/destination.ts';
import { hashOf, replay } from '../../../src/delivery/receipt.ts';
import { checkSize, type Destination } from '../../../src/delivery/resolve-options.ts';
import { checkDigest, type Source } from '../../../src/domain.ts';

const BYTES = Buffer.from('day,orders\r\n');
const SHA256 = createHash('sha256').update(BYTES).digest('hex');
const ANOTHER = createHash('sha256').update('another').digest('hex');
const source: Source = {
  mimeType: 'text/csv',
  size: undefined,
  async *open() {
    yield BYTES;
  },
};
const place = { name: 'small', config: { maxBytes: 5 } as DestinationConfig } as Destination;

test.each([
  [
    'its size is announced',
    async () => checkSize(12, place),
    'The file has 12 bytes; the limit of destination "small" is 5 bytes.',
  ],
  ['it is read', () => hashOf(source, 5), 'The file has more than 5 bytes.'],
])(
  'the remedy for a size above the destination’s limit suggests no other endpoint: when %s',
  async (_, refuse, detail) => {
    await expect(refuse()).rejects.toMatchObject({
      code: 'too-large',
      detail,
      remedy: 'Ask the operator to raise "maxBytes" of the destination; an upload session has the same limit.',
    });
  },
);

test.each([
  ['stored', async () => checkDigest(ANOTHER, SHA256)],
  [
    'compared with an earlier delivery',
    () => replay({ outcome: 'created' } as never, { source, maxBytes: 100, expectedSha256: ANOTHER }),
  ],
])(
  'bytes that differ from the announced ones are reported with their own digest when they are to be %s',
  async (_, refuse) => {
    await expect(refuse()).rejects.toMatchObject({
      code: 'digest-mismatch',
      detail: `The SHA-256 of the received bytes is ${SHA256}.`,
    });
  },
);
