import { describe, expect, test } from '@jest/globals';
import { destination } from '../../../src/config/schema/destination.ts';
import { fixedLabels, labelsOf, restrictionsOf } from '../../../src/delivery/policy.ts';
import type { Destination, ResolvedRequest } from '../../../src/delivery/resolve-options.ts';

const configOf = (change: object) =>
  destination.parse({ folder: '0AbCdEf', credentials: 'main', callers: ['a@example.com'], ...change });

describe('restrictions', () => {
  test.each<[object, object | undefined]>([
    [{}, undefined],
    [{ readOnly: true }, { readOnly: true }],
    [{ noDownload: true }, { noDownload: { readers: true, writers: false } }],
    [{ noDownload: 'everyone' }, { noDownload: { readers: true, writers: true } }],
    [{ copyRequiresWriterPermission: true }, { copyRequiresWriterPermission: true }],
    [{ writersCanShare: false }, { writersCanShare: false }],
  ])('of a destination with %j: %j', (change, expected) => {
    expect(restrictionsOf(configOf(change))).toEqual(expected);
  });
});

describe('labels', () => {
  const labels = {
    fixed: { one: { text: 'a' } },
    given: { two: { text: { property: 'kind' } } },
    mixed: { one: { text: 'a' }, two: { text: { property: 'kind' } } },
    optional: { required: false, fields: { one: { text: 'a' } } },
  };
  const config = configOf({ labels });
  const requestOf = (properties: Record<string, string>): Pick<ResolvedRequest, 'details' | 'destination'> => ({
    details: { properties },
    destination: { config } as Destination,
  });
  const ONE = { fieldId: 'one', type: 'text', value: 'a' };
  const TWO = { fieldId: 'two', type: 'text', value: 'invoice' };

  test('have the values of the configuration and of the request', () => {
    expect(labelsOf(requestOf({ kind: 'invoice' }))).toEqual([
      { labelId: 'fixed', fields: [ONE] },
      { labelId: 'given', fields: [TWO] },
      { labelId: 'mixed', fields: [ONE, TWO] },
    ]);
  });

  test.each([{}, { kind: '' }])('are refused where the request has only the properties %j', (properties) => {
    expect(() => labelsOf(requestOf(properties))).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  });

  test('are fixed only if all their values are in the configuration', () => {
    expect(fixedLabels(config.labels, true)).toEqual([{ labelId: 'fixed', fields: [ONE] }]);
    expect(fixedLabels(config.labels, false)).toEqual([{ labelId: 'optional', fields: [ONE] }]);
  });
});
