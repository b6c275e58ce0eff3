import type { IncomingMessage } from 'node:http';
import type { Discovery, Schema } from '../../drive/discovery/discovery.ts';
import { invalidArgument } from '../errors.ts';
import { snake } from './names.ts';

async function readAll(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read to the end: leaving the loop would break the connection before the error answer is sent.
    if (size <= maxBytes) chunks.push(chunk);
  }
  if (size > maxBytes) throw invalidArgument(`Request payload size exceeds the limit: ${maxBytes} bytes.`);
  return Buffer.concat(chunks);
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'TYPE_STRING',
  boolean: 'TYPE_BOOL',
  int32: 'TYPE_INT32',
  double: 'TYPE_DOUBLE',
  float: 'TYPE_FLOAT',
};

const invalid = (at: string, { type = '', format, enum: known }: Schema, value: unknown) =>
  invalidArgument(
    `Invalid value at '${at}' (${known === undefined ? (TYPE_NAMES[format ?? type] ?? TYPE_NAMES[type] ?? type) : 'TYPE_ENUM'}), ${JSON.stringify(value)}`,
  );

const isNumber = (value: unknown): boolean =>
  typeof value === 'number' || (typeof value === 'string' && value !== '' && Number.isFinite(Number(value)));

const isInt32 = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= -0x8000_0000 && value <= 0x7fff_ffff;

/** Checks a value against its schema, and returns it without null members, which stand for absent ones in proto3 JSON. */
function checked(discovery: Discovery, schema: Schema, value: unknown, at: string): unknown {
  if (schema.$ref !== undefined) return checked(discovery, discovery.schema(schema.$ref), value, at);
  switch (schema.type) {
    case 'object':
      return checkedObject(discovery, schema, value, at);
    case 'array': {
      if (!Array.isArray(value)) throw invalid(at, schema, value);
      const items = schema.items ?? {};
      return value.map((item, index) => checked(discovery, items, item, `${at}[${index}]`));
    }
    case 'boolean':
      if (typeof value !== 'boolean') throw invalid(at, schema, value);
      return value;
    case 'integer':
      if (!isInt32(value)) throw invalid(at, schema, value);
      return value;
    case 'number':
      if (!isNumber(value)) throw invalid(at, schema, value);
      return Number(value);
    case 'string':
      if (typeof value !== 'string' || (schema.enum !== undefined && !schema.enum.includes(value)))
        throw invalid(at, schema, value);
      return value;
    default:
      return value;
  }
}

function checkedObject(discovery: Discovery, schema: Schema, value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(at, schema, value);
  const kept: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const inner = schema.properties?.[name] ?? schema.additionalProperties;
    if (inner === undefined)
      throw invalidArgument(
        `Invalid JSON payload received. Unknown name "${name}"${at === '' ? '' : ` at '${at}'`}: Cannot find field.`,
      );
    if (member !== null)
      kept[name] = checked(discovery, inner, member, at === '' ? snake(name) : `${at}.${snake(name)}`);
  }
  return kept;
}

/**
 * Reads the JSON body and checks it against its schema, as strictly as Google's JSON transcoder.
 * @throws ApiError 400
 */
export async function readBody(
  discovery: Discovery,
  schemaName: string,
  request: IncomingMessage,
  maxBytes: number,
): Promise<Record<string, unknown>> {
  const text = (await readAll(request, maxBytes)).toString('utf8').trim();
  let body: unknown = {};
  try {
    if (text !== '') body = JSON.parse(text);
  } catch {
    throw invalidArgument('Invalid JSON payload received. Unexpected token.');
  }
  return checkedObject(discovery, discovery.schema(schemaName), body, '');
}
