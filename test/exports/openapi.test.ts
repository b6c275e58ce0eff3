import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { ERRORS } from '../../src/errors.ts';
import { createApp } from '../../src/http/app.ts';
import { openApiDocument } from '../../src/http/openapi/openapi.ts';
import { createEntryServices } from '../support/http/http-services.ts';

type Json = Record<string, unknown>;

const document = JSON.parse(JSON.stringify(openApiDocument('1.2.3'))) as Json & {
  paths: Record<string, Record<string, Json>>;
  components: { schemas: Record<string, Json>; responses: Record<string, Json>; parameters: Record<string, Json> };
};

/** Every object within a value, with its path. */
function* objectsIn(value: unknown, at = '#'): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [at, value as Json];
  for (const [key, inner] of Object.entries(value)) yield* objectsIn(inner, `${at}/${key}`);
}

const resolve = (reference: string): unknown =>
  reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((at, key) => (at as Json | undefined)?.[key.replaceAll('~1', '/')], document);

// The fixed fields of https://spec.openapis.org/oas/v3.1.0 that the document uses. Any others are errors.
const NAME = /^[a-zA-Z0-9._-]+$/;
const reference = z.strictObject({ $ref: z.string().startsWith('#/components/') });
const schema = z.looseObject({});
const content = z.record(
  z.string().regex(/^[\w.+*-]+\/[\w.+*-]+$/),
  z
    .strictObject({
      schema: schema.optional(),
      example: z.unknown().optional(),
      examples: z.record(z.string().regex(NAME), z.strictObject({ value: z.unknown() })).optional(),
    })
    .refine((media) => media.example === undefined || media.examples === undefined),
);
const parameter = z
  .strictObject({
    name: z.string(),
    in: z.enum(['query', 'header', 'path', 'cookie']),
    description: z.string().optional(),
    required: z.boolean(),
    schema,
  })
  .refine((given) => given.in !== 'path' || given.required, 'path parameters are required');
const header = z.strictObject({ description: z.string().optional(), schema });
const response = z.strictObject({
  description: z.string().min(1),
  headers: z.record(z.string(), header).optional(),
  content: content.optional(),
});
const operation = z.strictObject({
  operationId: z.string().regex(/^\w+$/),
  tags: z.array(z.string()).length(1),
  summary: z.string().regex(/[^.]$/),
  description: z.string().regex(/\.$/),
  parameters: z.array(z.union([reference, parameter])).optional(),
  requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
  responses: z.record(z.string().regex(/^[1-5]\d\d$/), z.union([reference, response])),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
});
const named = <Item extends z.ZodType>(item: Item) => z.record(z.string().regex(NAME), item);
const openApi = z.strictObject({
  openapi: z.literal('3.1.0'),
  info: z.strictObject({
    title: z.string(),
    version: z.literal('1.2.3'),
    summary: z.string(),
    description: z.string(),
    contact: z.strictObject({ name: z.string() }),
    license: z.strictObject({ name: z.string(), identifier: z.string() }),
  }),
  servers: z.array(z.strictObject({ url: z.string(), description: z.string() })).length(1),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  tags: z.array(z.strictObject({ name: z.string(), description: z.string() })),
  paths: z.record(
    z.string().startsWith('/'),
    z.strictObject({ get: operation.optional(), post: operation.optional() }),
  ),
  components: z.strictObject({
    securitySchemes: named(
      z.strictObject({
        type: z.literal('http'),
        scheme: z.literal('bearer'),
        bearerFormat: z.string(),
        description: z.string(),
      }),
    ),
    parameters: named(parameter),
    responses: named(response),
    schemas: named(schema),
  }),
});

test('the document is valid OpenAPI 3.1', () => {
  expect(() => openApi.parse(document)).not.toThrow();
});

test('every reference resolves', () => {
  const references = [...objectsIn(document)].filter(([, { $ref }]) => typeof $ref === 'string');
  expect(references.length).toBeGreaterThan(50);
  for (const [at, { $ref }] of references) expect([at, $ref, resolve(String($ref))]).not.toContain(undefined);
});

test('the document describes exactly the routes of the app, with their methods', () => {
  const { routes } = createApp(createEntryServices());
  const served = routes
    .filter(({ method }) => method === 'GET' || method === 'POST')
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.sort()).toEqual([...new Set(served)].sort());
});

test('every operation has a unique name, and every path parameter is declared', () => {
  const ids: unknown[] = [];
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const { operationId, parameters = [] } of Object.values(operations)) {
      ids.push(operationId);
      const inPath = (parameters as Json[]).filter((each) => each.in === 'path').map(({ name }) => `{${name}}`);
      expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? []);
    }
  }
  expect(new Set(ids).size).toBe(ids.length);
});

test('every error code is described under its status', () => {
  const problems = Object.values(document.components.responses).flatMap(({ content: media }) => {
    const { examples } = (media as Record<string, { examples: Record<string, { value: Json }> }>)[
      'application/problem+json'
    ] ?? { examples: {} };
    return Object.values(examples).map(({ value }) => [value.code, value.status]);
  });
  expect(problems.sort()).toEqual(
    // Headers that are too large have a status of their own.
    [...Object.entries(ERRORS).map(([code, { status }]) => [code, status]), ['request-invalid', 431]].sort(),
  );
});

/** The schema with all its references resolved. */
const inlined = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(inlined);
  if (typeof value !== 'object' || value === null) return value;
  const { $ref, ...rest } = value as Json;
  if (typeof $ref === 'string') return inlined(resolve($ref));
  return Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, inlined(inner)]));
};

const withExamples = [...objectsIn(document)].filter(
  ([, media]) => media.schema !== undefined && (media.example !== undefined || media.examples !== undefined),
);

test.each(withExamples)('the examples at %s match their schema', (_, media) => {
  const judge = z.fromJSONSchema(inlined(media.schema) as Parameters<typeof z.fromJSONSchema>[0]);
  const named = Object.values((media.examples ?? {}) as Record<string, { value: unknown }>).map(({ value }) => value);
  const examples = media.example === undefined ? named : [media.example, ...named];
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) expect(judge.safeParse(example).error).toBeUndefined();
});

test('the body of a raw file comes first, as generated clients should send it', () => {
  for (const path of ['/v1/files', '/']) {
    const body = document.paths[path]?.post?.requestBody as { content: Json } | undefined;
    expect(Object.keys(body?.content ?? {})).toEqual(['application/octet-stream', 'multipart/form-data', '*/*']);
  }
});

test('an upload session offers no conversion, and the doctor’s "write" is a boolean', () => {
  expect(document.components.schemas.UploadRequest?.properties).not.toHaveProperty('convertTo');
  const doctor = document.paths['/v1/doctor']?.get as { parameters: { name?: string; schema?: Json }[] } | undefined;
  expect(doctor?.parameters.find(({ name }) => name === 'write')?.schema).toMatchObject({ type: 'boolean' });
});

test('what the route rejects, its schema rejects as well', () => {
  const judge = z.fromJSONSchema(document.components.schemas.ExportDocument as Parameters<typeof z.fromJSONSchema>[0]);
  expect(judge.safeParse({ name: 'a', source: { text: 'x' } }).success).toBe(true);
  for (const wrong of [
    { name: 'a' },
    { name: 'a', surprise: 1, source: { text: '' } },
    { name: 'a', source: { text: 1 } },
    { name: 'a', source: { rows: [5] } },
  ]) {
    expect([wrong, judge.safeParse(wrong).success]).toEqual([wrong, false]);
  }
});
