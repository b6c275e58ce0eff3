import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { openApiDocument } from '../../../src/http/openapi/openapi.ts';
import type { Answer, Call } from './http-forms.ts';

type Json = Record<string, unknown>;

interface Operation {
  parameters?: { $ref?: string; name?: string; in?: string; schema?: Json }[];
  requestBody?: { content: Record<string, { schema: Json }> };
  responses: Record<string, Json>;
}

const document = JSON.parse(JSON.stringify(openApiDocument('0.0.0'))) as {
  paths: Record<string, Record<string, Operation>>;
};

// Formats are annotations in JSON Schema 2020-12, and "binary" is not a standard one.
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(document, 'openapi');

const judges = new Map<string, ValidateFunction>();
/** The schema at a path of the document, compiled once. It may refer to any other path. */
const judgeAt = (...path: readonly string[]): ValidateFunction => {
  const pointer = path.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'));
  const address = `openapi#/${pointer.map(encodeURIComponent).join('/')}`;
  const judge = judges.get(address) ?? ajv.compile({ $ref: address });
  judges.set(address, judge);
  return judge;
};

const faultsOf = (judge: ValidateFunction, value: unknown): string[] =>
  judge(value) ? [] : (judge.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);

const templates = Object.keys(document.paths).map(
  (path) => [path, new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)] as const,
);

/** The operation of a request and its path in the document; undefined if none is described. */
const operationOf = (method: string, target: string) => {
  const [path = ''] = target.split('?', 1);
  const [template] = templates.find(([, pattern]) => pattern.test(path)) ?? [];
  if (template === undefined) return undefined;
  const operation = document.paths[template]?.[method.toLowerCase()];
  return operation === undefined ? undefined : { operation, at: ['paths', template, method.toLowerCase()] };
};

const PROBLEM = ['components', 'schemas', 'Problem'];

/** How a response deviates from the description. */
export const faultsOfAnswer = ({ method = 'POST', target = '/' }: Call, answer: Answer): string[] => {
  const { status, headers, json, text } = answer;
  if (method === 'HEAD' || method === 'OPTIONS') return [];
  const found = operationOf(method, target);
  if (found === undefined) return status === 204 ? [] : faultsOf(judgeAt(...PROBLEM), json);
  const described = found.operation.responses[String(status)];
  if (described === undefined) return [`${status} is not described`];
  const named = typeof described.$ref === 'string' ? described.$ref.split('/').slice(1) : undefined;
  const at = named ?? [...found.at, 'responses', String(status)];
  const [type = ''] = String(headers['content-type'] ?? '').split(';', 1);
  const response = at.reduce<unknown>((value, key) => (value as Json)[key], document) as { content?: Json };
  if (response.content === undefined) return text === '' ? [] : [`${status} has a body, and none is described`];
  if (!Object.hasOwn(response.content, type)) return [`${type} is not described`];
  return faultsOf(judgeAt(...at, 'content', type, 'schema'), json);
};

/** How a JSON body deviates from the description. */
export const faultsOfBody = (method: string, target: string, body: unknown): string[] => {
  const found = operationOf(method, target);
  if (found?.operation.requestBody === undefined) return ['no body is described'];
  return faultsOf(judgeAt(...found.at, 'requestBody', 'content', 'application/json', 'schema'), body);
};

/** How an accepted query deviates from the description. */
export const faultsOfQuery = (method: string, target: string): string[] => {
  const found = operationOf(method, target);
  if (found === undefined) return [];
  const names = (found.operation.parameters ?? []).filter((each) => each.in === 'query').map(({ name }) => name);
  const given = [...new URL(target, 'http://courier').searchParams.keys()];
  return given.filter((name) => !names.includes(name)).map((name) => `the parameter ${name} is not described`);
};
