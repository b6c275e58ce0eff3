import type { ObjectStore, StoredObject } from './objects.ts';

/**
 * `objects.list` (https://cloud.google.com/storage/docs/json_api/v1/objects/list). Not implemented, and refused by name:
 * versions, startOffset, endOffset, includeTrailingDelimiter, includeFoldersAsPrefixes, softDeleted, filter.
 */
export const LIST_PARAMETERS: ReadonlySet<string> = new Set([
  'alt',
  'prefix',
  'delimiter',
  'maxResults',
  'pageToken',
  'matchGlob',
  'fields',
  'projection',
  'prettyPrint',
  'quotaUser',
  'userProject',
  'key',
]);

/** "The service will use this parameter or 1,000 items, whichever is smaller." */
const MAX_RESULTS = 1000;

/** A page token "marks the name … of the last object in the returned list"; its form is Google's own. */
const tokenOf = (name: string): string => Buffer.from(JSON.stringify([1, name])).toString('base64url');

const nameIn = (token: string): string | undefined => {
  try {
    const [version, name] = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[];
    return version === 1 && typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
};

/**
 * The globs of Cloud Storage: `*` within a folder, `**` across folders, `?`, `[a-z]`, `{a,b}`
 * (https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob).
 */
const globOf = (glob: string): RegExp => {
  let depth = 0;
  const source = glob.replace(/\*\*|[*?{},[\]]|[^*?{},[\]]+/g, (token) => {
    if (token === '**') return '.*';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    if (token === '{') {
      depth += 1;
      return '(?:';
    }
    if (token === '}' && depth > 0) {
      depth -= 1;
      return ')';
    }
    if (token === ',') return depth > 0 ? '|' : ',';
    if (token === '[' || token === ']') return token;
    return token.replaceAll(/[$()+.\\^|}]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 'su');
};

interface Page {
  objects: StoredObject[];
  prefixes: string[];
  nextPageToken: string | undefined;
}

export const listPage = (store: ObjectStore, bucket: string, query: URLSearchParams): Page | { fault: string } => {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const asked = query.get('maxResults');
  if (asked !== null && !/^\d{1,9}$/.test(asked)) return { fault: `Invalid unsigned integer value: '${asked}'.` };
  const max = Math.min(MAX_RESULTS, Number(asked ?? MAX_RESULTS) || MAX_RESULTS);
  const token = query.get('pageToken');
  const after = token === null ? undefined : nameIn(token);
  if (token !== null && after === undefined) return { fault: 'Invalid argument: pageToken' };
  const glob = query.get('matchGlob');
  const pattern = glob === null ? undefined : globOf(glob);

  const objects: StoredObject[] = [];
  const prefixes = new Set<string>();
  let last: string | undefined;
  for (const object of store.list(bucket, prefix, after)) {
    if (pattern !== undefined && !pattern.test(object.name)) continue;
    const end = delimiter === '' ? -1 : object.name.indexOf(delimiter, prefix.length);
    const folder = end === -1 ? undefined : object.name.slice(0, end + delimiter.length);
    const isNew = folder === undefined || !prefixes.has(folder);
    if (isNew && objects.length + prefixes.size === max) {
      return { objects, prefixes: [...prefixes], nextPageToken: tokenOf(last ?? '') };
    }
    if (folder === undefined) objects.push(object);
    // A page that was cut in the middle of a folder does not repeat it.
    else if (!(after ?? '').startsWith(folder)) prefixes.add(folder);
    last = object.name;
  }
  return { objects, prefixes: [...prefixes], nextPageToken: undefined };
};

/** `fields=nextPageToken,items(name,generation)`, and `*` or nothing for everything. Undefined for anything else. */
export const listFields = (fields: string | null) => {
  const pick = (from: Record<string, unknown>, names: readonly string[]): Record<string, unknown> =>
    Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
  if (fields === null || fields === '*') {
    return {
      answerOf: (answer: Record<string, unknown>) => answer,
      itemOf: (item: Record<string, unknown>) => item,
    };
  }
  const parsed =
    /^(?:[A-Za-z]+|items\([A-Za-z0-9]+(?:,[A-Za-z0-9]+)*\))(?:,(?:[A-Za-z]+|items\([A-Za-z0-9]+(?:,[A-Za-z0-9]+)*\)))*$/;
  if (!parsed.test(fields)) return undefined;
  const [, items] = /items\(([^)]*)\)/.exec(fields) ?? [];
  const names = fields.replace(/\([^)]*\)/g, '').split(',');
  return {
    answerOf: (answer: Record<string, unknown>) => pick(answer, names),
    itemOf: (item: Record<string, unknown>) => (items === undefined ? item : pick(item, items.split(','))),
  };
};
