import { expect, test } from '@jest/globals';
import { fingerprint } from '../../../src/delivery/idempotency.ts';

/** Two requests with one key are the same delivery only if everything that the caller chose is equal. */

const asked = { options: { name: 'report.csv', path: 'a' }, source: { identity: 'gs://b/o#1' }, size: 1 };

test.each<[string, string]>([
  ['the way', fingerprint('session', asked, 'reports')],
  ['the destination', fingerprint('bytes', asked, 'other')],
  ['the name', fingerprint('bytes', { ...asked, options: { ...asked.options, name: 'other.csv' } }, 'reports')],
  ['the path', fingerprint('bytes', { ...asked, options: { ...asked.options, path: 'b' } }, 'reports')],
  ['no path', fingerprint('bytes', { ...asked, options: { name: 'report.csv' } }, 'reports')],
  ['the conversion', fingerprint('bytes', { ...asked, options: { ...asked.options, convertTo: 'sheet' } }, 'reports')],
  ['the source', fingerprint('bytes', { ...asked, source: { identity: 'gs://b/o#2' } }, 'reports')],
  ['the announced size', fingerprint('bytes', { ...asked, size: 2 }, 'reports')],
  ['no announced size', fingerprint('bytes', { options: asked.options, source: asked.source }, 'reports')],
])('%s makes it another delivery', (_, other) => {
  expect(other).not.toBe(fingerprint('bytes', asked, 'reports'));
});

test('the conflict rule, the description, the times and the properties may differ', () => {
  const details = { description: 'again', modifiedTime: '2026-11-24T12:00:00.000Z', properties: { a: 'b' } };
  const options = { ...asked.options, onConflict: 'replace', ...details } as const;
  expect(fingerprint('bytes', { ...asked, options }, 'reports')).toBe(fingerprint('bytes', asked, 'reports'));
});
