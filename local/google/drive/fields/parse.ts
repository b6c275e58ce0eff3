import type { Discovery, Schema } from '../discovery/discovery.ts';
import { invalidParameter } from '../errors.ts';

/** The result of a `fields` selection: all fields, or the named ones, each with its own selection. */
export type Mask = { all: true } | { all: false; names: ReadonlyMap<string, Mask> };

export const ALL: Mask = { all: true };

/** The names of one level, while the selection is being parsed. */
type Draft = Map<string, Draft | 'all'>;

const NAME = /[^,()/]+/y;

class Reader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  private fail(selection = this.text): never {
    throw invalidParameter('fields', `Invalid field selection ${selection}`);
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private name(): string {
    NAME.lastIndex = this.at;
    const found = NAME.exec(this.text);
    if (found === null) return this.fail();
    this.at = NAME.lastIndex;
    const name = found[0].trim();
    return /^(\*|[\w$.-]+)$/.test(name) ? name : this.fail(name);
  }

  /** path = name *("/" name) ["(" list ")"] */
  private path(into: Draft): void {
    const name = this.name();
    const known = into.get(name);
    const deeper = this.take('/') ? 'path' : this.take('(') ? 'list' : 'none';
    if (deeper === 'none') {
      into.set(name, 'all');
      return;
    }
    const below: Draft = known instanceof Map ? known : new Map();
    if (deeper === 'path') this.path(below);
    else {
      this.list(below);
      if (!this.take(')')) this.fail();
    }
    if (known !== 'all') into.set(name, below);
  }

  private list(into: Draft): void {
    do this.path(into);
    while (this.take(','));
  }

  read(): Draft {
    const draft: Draft = new Map();
    this.list(draft);
    if (this.at !== this.text.length) this.fail();
    return draft;
  }
}

const resolve = (discovery: Discovery, schema: Schema): Schema => {
  if (schema.$ref !== undefined) return resolve(discovery, discovery.schema(schema.$ref));
  return schema.type === 'array' && schema.items !== undefined ? resolve(discovery, schema.items) : schema;
};

const check = (discovery: Discovery, schema: Schema, draft: Draft): Mask => {
  if (draft.get('*') === 'all') {
    // Names next to a wildcard must exist too.
    for (const name of draft.keys()) if (name !== '*') checkName(discovery, schema, name);
    return ALL;
  }
  const names = new Map<string, Mask>();
  for (const [name, below] of draft) {
    const inner = checkName(discovery, schema, name);
    names.set(name, below === 'all' ? ALL : check(discovery, inner, below));
  }
  return { all: false, names };
};

const checkName = (discovery: Discovery, schema: Schema, name: string): Schema => {
  if (name === '*') return schema;
  const inner = schema.properties?.[name] ?? schema.additionalProperties;
  if (inner === undefined) throw invalidParameter('fields', `Invalid field selection ${name}`);
  return resolve(discovery, inner);
};

/**
 * Parses a `fields` parameter and checks it against the schema of the answer:
 * `files(id,owners/displayName),nextPageToken`, `*`. An empty value selects nothing; rclone sends `fields=` when it
 * needs no answer. Source: developers.google.com/workspace/drive/api/guides/fields-parameter.
 * @throws DriveError 400 `invalidParameter` "Invalid field selection x"
 */
export function parseFields(discovery: Discovery, schemaName: string, text: string): Mask {
  if (text === '') return { all: false, names: new Map() };
  return check(discovery, discovery.schema(schemaName), new Reader(text).read());
}
