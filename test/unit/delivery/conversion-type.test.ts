import { expect, test } from '@jest/globals';
import type { Delivery } from '../../../src/domain.ts';
import { bytesSource } from '../../../src/exports/sources/inline.ts';
import { withConversionType } from '../../../src/delivery/conversion-type.ts';

const deliveryOf = (name: string, mimeType: string): Delivery => ({
  caller: { sub: '1' },
  options: { name },
  source: bytesSource(Buffer.from('x'), mimeType),
  signal: AbortSignal.timeout(1_000),
  deadlineMs: 0,
  requestId: 'r',
});

test.each([
  ['a.csv', 'application/octet-stream', 'sheet', 'text/csv'],
  ['A.XLSX', 'application/octet-stream', 'sheet', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
  ['a', 'application/octet-stream', 'sheet', 'application/octet-stream'],
  ['a.csv', 'text/plain', 'sheet', 'text/plain'],
  ['a.csv', 'application/octet-stream', undefined, 'application/octet-stream'],
] as const)('%s sent as %s and converted to %s counts as %s', (name, sent, convertTo, type) => {
  expect(withConversionType(deliveryOf(name, sent), { convertTo, name }).source.mimeType).toBe(type);
});
