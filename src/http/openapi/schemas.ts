import { z } from 'zod';
import { KEY_SOURCES } from '../request/body-headers.ts';

export type Schema = Readonly<Record<string, unknown>>;

/** The validation schema as JSON Schema of the input. */
export const schemaOf = (schema: z.ZodType): Schema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
};

export const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
export const json = (schema: Schema, rest: Schema = {}): Schema => ({ 'application/json': { schema, ...rest } });

/** @param overrides schemas of parameters whose values are not strings, although they are sent as text */
export const parametersOf = (schema: z.ZodType, overrides: Readonly<Record<string, Schema>> = {}): Schema[] => {
  const { properties = {}, required = [] } = schemaOf(schema) as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    description,
    schema: overrides[name] ?? rest,
  }));
};

/** The fields of draft-ietf-httpapi-ratelimit-headers, on responses to callers that have limits. */
export const RATE_LIMIT: Schema = {
  'RateLimit-Policy': {
    schema: { type: 'string' },
    description: 'The limits of this caller, if the operator configured any: `"files-per-minute";q=60;w=60`.',
  },
  RateLimit: {
    schema: { type: 'string' },
    description: 'What remains of the limits: `"files-per-minute";r=59`. `t` is the number of seconds until a reset.',
  },
};

export const KEY_FROM: Schema = {
  name: 'keyFrom',
  in: 'query',
  required: false,
  description:
    'Creates the idempotency key from the headers that Cloud Scheduler (job name and schedule time) or Cloud Tasks (queue and task name) sends with every attempt.',
  schema: { type: 'string', enum: [...KEY_SOURCES] },
};

export const header = (name: string): Schema => ({ $ref: `#/components/parameters/${name}` });
export const KEY = header('Idempotency-Key');
export const DIGEST = header('Content-Digest');
export const TRACING = [header('traceparent'), header('X-Cloud-Trace-Context')];
