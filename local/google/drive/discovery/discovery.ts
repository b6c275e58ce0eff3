import { readFileSync } from 'node:fs';

/** A schema in Google's discovery format: developers.google.com/discovery/v1/reference/apis. */
export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  enum?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  items?: Schema;
}

export interface ParameterDescription {
  type: 'string' | 'boolean' | 'integer';
  location: 'path' | 'query';
  required?: boolean;
  repeated?: boolean;
  enum?: string[];
  minimum?: string;
  maximum?: string;
  default?: string;
}

export interface MethodDescription {
  id: string;
  httpMethod: string;
  path: string;
  parameters: Record<string, ParameterDescription>;
  scopes: readonly string[];
  request?: { $ref: string };
  response?: { $ref: string };
  supportsMediaUpload?: boolean;
  supportsMediaDownload?: boolean;
  mediaUpload?: { maxSize: string; protocols: Record<'simple' | 'resumable', { path: string }> };
}

interface Resource {
  methods?: Record<string, MethodDescription>;
  resources?: Record<string, Resource>;
}

export interface Route {
  method: MethodDescription;
  path: Record<string, string>;
  form: 'plain' | 'upload' | 'download';
}

interface Pattern {
  method: MethodDescription;
  form: Route['form'];
  httpMethod: string;
  segments: readonly string[];
  literals: number;
}

/** Google's description of an API: which methods, parameters and fields exist. */
export interface Discovery {
  schema(name: string): Schema;
  /** True for a field that only the API itself sets. */
  isOutputOnly(schemaName: string, field: string): boolean;
  match(httpMethod: string, pathname: string): Route | undefined;
  /** HTTP methods that exist at the path. */
  methodsAt(pathname: string): string[];
}

const methodsOf = (resource: Resource): MethodDescription[] => [
  ...Object.values(resource.methods ?? {}),
  ...Object.values(resource.resources ?? {}).flatMap(methodsOf),
];

const pattern = (method: MethodDescription, form: Route['form'], path: string): Pattern => {
  const segments = path.split('/').filter((segment) => segment !== '');
  // PUT to an upload path without a session is 404: pubkey/google-drive-mock, test/multipart_behavior.test.ts, which passes on real Drive.
  return {
    method,
    form,
    httpMethod: method.httpMethod,
    segments,
    literals: segments.filter((s) => !s.startsWith('{')).length,
  };
};

/** @param base the path of the API, e.g. `drive/v3/` */
const patternsOf = (method: MethodDescription, base: string): Pattern[] => {
  const patterns = [pattern(method, 'plain', `${base}${method.path}`)];
  for (const protocol of Object.values(method.mediaUpload?.protocols ?? {}))
    patterns.push(pattern(method, 'upload', protocol.path));
  if (method.supportsMediaDownload === true)
    patterns.push(pattern(method, 'download', `download/${base}${method.path}`));
  return patterns;
};

const decode = (segment: string): string | undefined => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
};

const bind = (segments: readonly string[], parts: readonly string[]): Record<string, string> | undefined => {
  if (segments.length !== parts.length) return undefined;
  const bound: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = decode(parts[index] ?? '');
    if (part === undefined || part === '') return undefined;
    const name = /^\{(\w+)\}(:\w+)?$/.exec(segment);
    if (name === null) {
      if (segment !== part) return undefined;
    } else {
      const verb = name[2] ?? '';
      if (!part.endsWith(verb)) return undefined;
      bound[name[1] ?? ''] = part.slice(0, part.length - verb.length);
    }
  }
  return bound;
};

interface DiscoveryDocument extends Resource {
  /** The path of the API, e.g. `drive/v3/`. */
  servicePath: string;
  schemas: Record<string, Schema>;
  parameters: Record<string, ParameterDescription>;
}

const readJson = (url: URL): unknown => JSON.parse(readFileSync(url, 'utf8'));

/**
 * Reads a discovery document of Google, reduced to its facts (paths, parameters, types, enums).
 * @param outputOnly fields of the request schemas that only the API itself sets. They are listed here because only the
 * descriptions show it, and the reduced form has none.
 */
export function readDiscovery(url: URL, outputOnly: Readonly<Record<string, readonly string[]>> = {}): Discovery {
  const document = readJson(url) as DiscoveryDocument;
  const methods = methodsOf(document).map((method) => ({
    ...method,
    parameters: {
      ...Object.fromEntries(
        Object.entries(document.parameters).map(([name, p]) => [name, { ...p, location: 'query' }]),
      ),
      ...method.parameters,
    } as Record<string, ParameterDescription>,
  }));
  // `files/trash` and `files/generateIds` come before `files/{fileId}`.
  const patterns = methods
    .flatMap((method) => patternsOf(method, document.servicePath))
    .sort((a, b) => b.literals - a.literals);
  const parts = (pathname: string): string[] => pathname.replace(/^\//, '').split('/');

  return {
    schema: (name) => {
      const schema = document.schemas[name];
      if (schema === undefined) throw new Error(`The discovery document has no schema ${name}`);
      return schema;
    },
    isOutputOnly: (schemaName, field) => outputOnly[schemaName]?.includes(field) === true,
    match: (httpMethod, pathname) => {
      for (const { method, form, httpMethod: own, segments } of patterns) {
        if (own !== httpMethod) continue;
        const path = bind(segments, parts(pathname));
        if (path !== undefined) return { method, path, form };
      }
      return undefined;
    },
    methodsAt: (pathname) => [
      ...new Set(patterns.filter((p) => bind(p.segments, parts(pathname)) !== undefined).map((p) => p.httpMethod)),
    ],
  };
}

/** Drive v3, revision 20250829. */
export const loadDiscovery = (): Discovery =>
  readDiscovery(
    new URL('./drive-v3.discovery.json', import.meta.url),
    readJson(new URL('./output-only-fields.json', import.meta.url)) as Record<string, string[]>,
  );
