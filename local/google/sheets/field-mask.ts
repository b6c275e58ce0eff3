import type { Discovery, Schema } from '../drive/discovery/discovery.ts';
import { InvalidRequest } from './errors.ts';

/** Field masks accept the names of JSON and those of protocol buffers. */
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Splits `a,b(c,d.e)` into `a`, `b.c`, `b.d.e`. */
function expanded(text: string): string[] {
  const paths: string[] = [];
  const prefixes: string[] = [];
  let name = '';
  const close = (): void => {
    if (name.trim() !== '') paths.push([...prefixes, name.trim()].join('.'));
    name = '';
  };
  for (const character of text) {
    if (character === ',') close();
    else if (character === '(') {
      prefixes.push(name.trim());
      name = '';
    } else if (character === ')') {
      close();
      prefixes.pop();
    } else name += character;
  }
  close();
  return paths;
}

const inner = (discovery: Discovery, schema: Schema): Schema =>
  schema.$ref === undefined ? schema : discovery.schema(schema.$ref);

const checked = (discovery: Discovery, schemaName: string, path: string): string[] => {
  const names = path.split(/[./]/).map(camel);
  let schema: Schema = discovery.schema(schemaName);
  for (const name of names) {
    const next = schema.properties?.[name];
    if (next === undefined) throw new InvalidRequest(`Invalid field: ${path}`);
    schema = inner(discovery, next);
  }
  return names;
};

/**
 * The paths of a request's field mask. `*` names all members of the schema.
 * @throws InvalidRequest when it is empty or names an unknown field
 */
export function readFieldMask(discovery: Discovery, schemaName: string, text: string | undefined): string[][] {
  const paths = expanded(text ?? '');
  if (paths.length === 0)
    throw new InvalidRequest("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)");
  return paths.includes('*')
    ? Object.keys(discovery.schema(schemaName).properties ?? {}).map((name) => [name])
    : paths.map((path) => checked(discovery, schemaName, path));
}
