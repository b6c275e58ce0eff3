import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { loadDiscovery } from '../../../local/google/drive/discovery/discovery.ts';

const readJson = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../../../local/google/drive/discovery/${name}`, import.meta.url), 'utf8'));

const textsIn = (value: unknown): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, inner]) =>
        name === 'description' && typeof inner === 'string' ? [inner] : textsIn(inner),
      )
    : [];

/** Field → its comment, from the TypeScript types that Google generates from the same API. */
const documentedFields = (schemaName: string): Map<string, string> => {
  const types = readFileSync(
    new URL('../../../node_modules/googleapis/build/src/apis/drive/v3.d.ts', import.meta.url),
    'utf8',
  );
  const [, body = ''] = new RegExp(`interface Schema\\$${schemaName} \\{(.*?)\\n    \\}`, 's').exec(types) ?? [];
  const fields = body.matchAll(/^ {8}\/\*\*((?:(?!\*\/).)*)\*\/\s*(\w+)\?/gms);
  return new Map([...fields].map(([, comment = '', name = '']) => [name, comment]));
};

test('the discovery document is the reduced form: facts without descriptions', () => {
  const document = readJson('drive-v3.discovery.json');
  expect(document).toMatchObject({ id: 'drive:v3', revision: '20250829' });
  // The reduction keeps one description: that of the field which is itself called "properties".
  expect(textsIn(document)).toHaveLength(1);
});

/** Only the newer description of this field, in the generated types, leaves out "Output only." */
const CHANGED_SINCE = ['labelInfo'];

test.each(Object.entries(readJson('output-only-fields.json') as Record<string, string[]>))(
  'the output-only fields of %s are those that Google documents as such',
  (schemaName, listed) => {
    const documented = documentedFields(schemaName);
    const fields = listed.filter((field) => !CHANGED_SINCE.includes(field));
    expect(fields.filter((field) => !/Output only\./.test(documented.get(field) ?? ''))).toEqual([]);
    expect(Object.keys(loadDiscovery().schema(schemaName).properties ?? {})).toEqual(expect.arrayContaining(listed));
  },
);
