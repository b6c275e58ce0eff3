import { expect, test } from '@jest/globals';
import { loadDiscovery } from '../../../local/google/drive/discovery/discovery.ts';
import { findSchemaViolations } from '../../../local/google/drive/discovery/schema-violations.ts';

const discovery = loadDiscovery();

test.each([
  ['a valid file', { id: '1', size: '5', trashed: false, owners: [{ me: true }], properties: { a: 'b' } }, []],
  ['an undefined field', { id: '1', description: undefined }, []],
  ['an unknown field', { id: '1', colour: 'red' }, ['x.colour is unknown']],
  ['a number where a string belongs', { size: 5 }, ['x.size is not a string']],
  ['a string where a boolean belongs', { trashed: 'no' }, ['x.trashed is not a boolean']],
  ['an object where an array belongs', { owners: {} }, ['x.owners is not an array']],
  ['in a nested object', { owners: [{}, { me: 1 }] }, ['x.owners[1].me is not a boolean']],
  ['null', null, ['x is not an object']],
])('%s', (_, value, schemaViolations) => {
  expect(findSchemaViolations(discovery, { $ref: 'File' }, value, 'x')).toEqual(schemaViolations);
});
