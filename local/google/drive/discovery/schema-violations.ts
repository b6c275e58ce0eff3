import type { Discovery, Schema } from './discovery.ts';

/** Undefined members are not sent. */
const present = (value: object): [string, unknown][] =>
  Object.entries(value).filter(([, member]) => member !== undefined);

/** Lists where a value violates its schema in the discovery document: unknown fields and wrong types. */
export function findSchemaViolations(discovery: Discovery, schema: Schema, value: unknown, at: string): string[] {
  if (schema.$ref !== undefined) return findSchemaViolations(discovery, discovery.schema(schema.$ref), value, at);
  switch (schema.type) {
    case 'object':
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is not an object`];
      return present(value).flatMap(([name, member]) => {
        const inner = schema.properties?.[name] ?? schema.additionalProperties;
        return inner === undefined
          ? [`${at}.${name} is unknown`]
          : findSchemaViolations(discovery, inner, member, `${at}.${name}`);
      });
    case 'array':
      if (!Array.isArray(value)) return [`${at} is not an array`];
      return value.flatMap((item, index) =>
        findSchemaViolations(discovery, schema.items ?? {}, item, `${at}[${index}]`),
      );
    case 'boolean':
    case 'string':
      return typeof value === schema.type ? [] : [`${at} is not a ${schema.type}`];
    case 'integer':
      return Number.isInteger(value) ? [] : [`${at} is not an integer`];
    default:
      return [];
  }
}
