import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Discovery, Schema } from '../discovery/discovery.ts';
import { badRequest, DriveError, forbidden } from '../errors.ts';

const MAX_METADATA_BYTES = 1024 * 1024;

/** @throws DriveError 413 when the body exceeds the limit */
export async function readAll(request: IncomingMessage, maxBytes = MAX_METADATA_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new DriveError(413, 'Request Too Large', { reason: 'uploadTooLarge' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const jsonObject = z.record(z.string(), z.unknown());

/** @throws DriveError 400 `parseError` */
export function parseJson(bytes: Buffer): Record<string, unknown> {
  const text = bytes.toString('utf8').trim();
  if (text === '') return {};
  try {
    return jsonObject.parse(JSON.parse(text));
  } catch {
    throw badRequest('Parse Error', 'parseError');
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'TYPE_STRING',
  boolean: 'TYPE_BOOL',
  integer: 'TYPE_INT32',
};

const invalidAt = (at: string, schema: Schema, value: unknown): DriveError =>
  new DriveError(
    400,
    `Invalid value at '${at}' (${TYPE_NAMES[schema.type ?? ''] ?? schema.type}), ${JSON.stringify(value)}`,
    {
      reason: 'invalid',
      status: 'INVALID_ARGUMENT',
    },
  );

const checkValue = (discovery: Discovery, schema: Schema, value: unknown, at: string): void => {
  if (value === null) return;
  if (schema.$ref !== undefined) {
    checkValue(discovery, discovery.schema(schema.$ref), value, at);
    return;
  }
  switch (schema.type) {
    case 'array':
      if (!Array.isArray(value)) throw invalidAt(at, schema, value);
      for (const [index, item] of value.entries()) checkValue(discovery, schema.items ?? {}, item, `${at}[${index}]`);
      return;
    case 'object':
      if (typeof value !== 'object' || Array.isArray(value)) throw invalidAt(at, schema, value);
      checkObject(discovery, schema, value as Record<string, unknown>, at);
      return;
    case 'boolean':
      if (typeof value !== 'boolean') throw invalidAt(at, schema, value);
      return;
    case 'string':
      if (typeof value !== 'string' && !(schema.format === 'int64' && typeof value === 'number'))
        throw invalidAt(at, schema, value);
      if (schema.format === 'date-time' && Number.isNaN(Date.parse(String(value)))) throw invalidAt(at, schema, value);
      return;
    default:
      if (schema.type === 'integer' && !Number.isInteger(value)) throw invalidAt(at, schema, value);
  }
};

const checkObject = (discovery: Discovery, schema: Schema, object: Record<string, unknown>, at: string): void => {
  for (const [name, value] of Object.entries(object)) {
    const inner = schema.properties?.[name] ?? schema.additionalProperties;
    // As strict as Google's JSON transcoder ("Cannot find field."), so that a misspelled field is noticed.
    if (inner === undefined)
      throw new DriveError(
        400,
        `Invalid JSON payload received. Unknown name "${name}" at '${at}': Cannot find field.`,
        {
          reason: 'badRequest',
          status: 'INVALID_ARGUMENT',
        },
      );
    checkValue(discovery, inner, value, `${at}.${name}`);
  }
};

/**
 * Checks a request body against its schema. A client may send back the `kind` that it received.
 * @param fixed fields that this method does not accept, although the schema lists them as writable
 * @throws DriveError 400 for unknown fields and wrong types, 403 `fieldNotWritable` for output-only fields
 */
export function checkBody(
  discovery: Discovery,
  schemaName: string,
  body: Record<string, unknown>,
  fixed: readonly string[] = [],
): void {
  const schema = discovery.schema(schemaName);
  checkObject(discovery, schema, body, schemaName.charAt(0).toLowerCase() + schemaName.slice(1));
  for (const name of Object.keys(body))
    if (name !== 'kind' && (discovery.isOutputOnly(schemaName, name) || fixed.includes(name)))
      throw forbidden('fieldNotWritable', 'The resource body includes fields which are not directly writable.');
}
