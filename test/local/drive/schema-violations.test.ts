import { expect, test } from '@jest/globals';
import { loadDiscovery } from '../../../local/google/drive/discovery/discovery.ts';
import { findSchemaViolations } from '../../../local/google/drive/discovery/schema-violations.ts';

const discovery = loadDiscovery();

test.each([
  [
    'a file as it should be',
    { id: '1', size: '5', trashed: false, owners: [{ me: true }], properties: { a: 'b' } },
    [],
  ],
  ['what was not populated', { id: '1', description: undefined }, []],
  ['an unknown member', { id: '1', colour: 'red' }, ['x.colour is unknown']],
  ['a number for a text', { size: 5 }, ['x.size is no string']],
  ['a text for a boolean', { trashed: 'no' }, ['x.trashed is no boolean']],
  ['one for several', { owners: {} }, ['x.owners is no array']],
  ['deep down', { owners: [{}, { me: 1 }] }, ['x.owners[1].me is no boolean']],
  ['nothing at all', null, ['x is no object']],
])('%s', (_, value, schemaViolations) => {
  expect(findSchemaViolations(discovery, { $ref: 'File' }, value, 'x')).toEqual(schemaViolations);
});
