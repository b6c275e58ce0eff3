import type { z } from 'zod';
import { document } from '../../src/config/schema/document.ts';

type Schema = z.core.JSONSchema.BaseSchema;

interface Key {
  path: string;
  takes: string;
  isRequired: boolean;
}

export const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null;
export const code = (value: unknown): string => `\`${value}\``;

const rangeOf = ({ minimum, exclusiveMinimum, maximum }: Schema): string => {
  const least = minimum ?? (exclusiveMinimum === 0 ? undefined : exclusiveMinimum);
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (least === undefined) return most === undefined ? '' : ` up to ${code(most)}`;
  return most === undefined ? ` from ${code(least)}` : ` from ${code(least)} to ${code(most)}`;
};

/** The parts of a schema that combines others. */
const partsOf = ({ anyOf, oneOf, allOf }: Schema): Schema[] => [anyOf, oneOf, allOf].flatMap((parts) => parts ?? []);

/** Describes the accepted values. */
const takesOf = (schema: Schema): string => {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  if (schema.allOf?.[0] !== undefined) return takesOf(schema.allOf[0]);
  const parts = partsOf(schema);
  if (parts.length > 0) return [...new Set(parts.map(takesOf))].join(' or ');
  switch (schema.type) {
    case 'integer':
      return `whole number${rangeOf(schema)}`;
    case 'number':
      return `number${rangeOf(schema)}`;
    case 'boolean':
      return '`true`, `false`';
    case 'array':
      return schema.items !== undefined && takesOf(schema.items as Schema) === 'text' ? 'list of texts' : 'list';
    case 'object':
      return isSchema(schema.additionalProperties) ? 'entries by name' : 'entries';
    case 'null':
      return '`null`';
    default:
      return 'text';
  }
};

/** Every key below a schema. A key that several alternatives have is listed once, with the values of all of them. */
export const keysOf = (schema: Schema, above: string): Key[] => {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const path = above === '' ? name : `${above}.${name}`;
    const isRequired = schema.required?.includes(name) ?? false;
    return [{ path, takes: takesOf(value as Schema), isRequired }, ...keysOf(value as Schema, path)];
  });
  const named = isSchema(schema.additionalProperties) ? keysOf(schema.additionalProperties, `${above}.NAME`) : [];
  const items = isSchema(schema.items) ? keysOf(schema.items as Schema, `${above}[]`) : [];
  return [...own, ...named, ...items, ...partsOf(schema).flatMap((part) => keysOf(part, above))];
};

export const merged = (keys: readonly Key[]): Key[] =>
  [...new Set(keys.map(({ path }) => path))].map((path) => {
    const same = keys.filter((key) => key.path === path);
    const takes = [...new Set(same.map((key) => key.takes))].join(', ');
    return { path, takes, isRequired: same.every(({ isRequired }) => isRequired) };
  });

/** Only the required keys, so that all others have their defaults. */
const LEAST = {
  audiences: ['https://courier.example'],
  destinations: {
    NAME: {
      folder: '0AbCdEf',
      credentials: 'NAME',
      callers: ['sub:1'],
    },
  },
  credentials: { NAME: { adc: true } },
};
const SHARED = { type: 'user', email: 'somebody@example.com', role: 'reader' };
const WITH_MORE = {
  ...LEAST,
  destinations: { NAME: { ...LEAST.destinations.NAME, share: [SHARED] } },
  ledger: { firestore: {} },
};

const valueAt = (value: unknown, path: string): unknown =>
  path
    .replaceAll('[]', '.0')
    .split('.')
    .reduce<unknown>((at, name) => (isSchema(at) ? (at as Record<string, unknown>)[name] : undefined), value);

/** The default of a key; undefined if it has none. */
export const defaultOf = (path: string): unknown => {
  const [plain, full] = [LEAST, WITH_MORE].map((written) =>
    valueAt(written, path) === undefined ? valueAt(document.parse(written), path) : undefined,
  );
  return plain === undefined ? full : plain;
};
