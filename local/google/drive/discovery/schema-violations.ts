import type { Discovery, Schema } from './discovery.ts';

/** Members that were not populated are undefined, and do not go out. */
const present = (value: object): [string, unknown][] =>
  Object.entries(value).filter(([, member]) => member !== undefined);

/** Where a value is not what Google's description of it says: unknown members, and wrong types. Empty when it is. */
export function findSchemaViolations(discovery: Discovery, schema: Schema, value: unknown, at: string): string[] {
  if (schema.$ref !== undefined) return findSchemaViolations(discovery, discovery.schema(schema.$ref), value, at);
  switch (schema.type) {
    case 'object':
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is no object`];
      return present(value).flatMap(([name, member]) => {
        const inner = schema.properties?.[name] ?? schema.additionalProperties;
        return inner === undefined
          ? [`${at}.${name} is unknown`]
          : findSchemaViolations(discovery, inner, member, `${at}.${name}`);
      });
    case 'array':
      if (!Array.isArray(value)) return [`${at} is no array`];
      return value.flatMap((item, index) =>
        findSchemaViolations(discovery, schema.items ?? {}, item, `${at}[${index}]`),
      );
    case 'boolean':
    case 'string':
      return typeof value === schema.type ? [] : [`${at} is no ${schema.type}`];
    case 'integer':
      return Number.isInteger(value) ? [] : [`${at} is no integer`];
    default:
      return [];
  }
}
