import type { Lag, ProjectState } from './state.ts';

/** An error of gcloud, whose message goes to standard error. */
export class Refusal extends Error {}

export const refuse = (text: string): never => {
  throw new Refusal(`ERROR: (gcloud) ${text}`);
};

/** One command line and the project that it concerns. */
export interface Call {
  state: ProjectState;
  argv: readonly string[];
  flags: Readonly<Record<string, string>>;
  /** The standard input. */
  input: string;
  print(text: string): void;
  /** Prints what `--format=value(…)` requests. */
  printAttributes(thing: Readonly<Record<string, string>>): void;
  things(kind: string): Record<string, Record<string, string>>;
  describe(kind: string, name: string, notFound: string): void;
  change(effect: () => void): void;
  create(kind: string, name: string, attributes?: Record<string, string>): void;
  remove(kind: string, name: string): void;
  need(kind: string, name: string | undefined): void;
  needAccount(email: string | undefined): void;
  /** Refuses the command with these words while an earlier change has not taken effect yet. */
  refuseWhileLagging(lag: Lag, words: string): void;
}

export type Command = [RegExp, (call: Call, match: RegExpExecArray) => void];

const parse = (argv: readonly string[]): { words: string[]; flags: Record<string, string> } => {
  const parsed: { words: string[]; flags: Record<string, string> } = { words: [], flags: {} };
  for (const argument of argv) {
    const [, name, value] = /^--([\w-]+)(?:=([\s\S]*))?$/.exec(argument) ?? [];
    if (name === undefined) parsed.words.push(argument);
    else parsed.flags[name] = value ?? 'true';
  }
  return parsed;
};

/** The attributes in `value(a.b,c)`. */
const attributesIn = (format: string | undefined): string[] =>
  /^value\((.+)\)$/.exec(format ?? '')?.[1]?.split(',') ?? [];

export const startCall = (
  state: ProjectState,
  argv: readonly string[],
  input: string,
  print: (text: string) => void,
): { call: Call; line: string } => {
  const { words, flags } = parse(argv);
  const things: Call['things'] = (kind) => {
    state.things[kind] ??= {};
    return state.things[kind];
  };
  const change: Call['change'] = (effect) => {
    state.changes.push(argv.join(' '));
    const isCut = state.fault?.change === state.changes.length;
    try {
      if (!isCut || state.fault?.after) effect();
    } catch (error) {
      // A rejected command changed nothing.
      state.changes.pop();
      throw error;
    }
    if (isCut) refuse('There was a problem: HTTPSConnectionPool: Connection reset by peer.');
  };
  const need: Call['need'] = (kind, name) => {
    if (things(kind)[name ?? ''] === undefined) refuse(`NOT_FOUND: Resource not found (resource=${name}).`);
  };
  const printAttributes: Call['printAttributes'] = (thing) => {
    const attributes = attributesIn(flags.format);
    if (attributes.length === 0) refuse(`no format in: ${argv.join(' ')}`);
    print(attributes.map((attribute) => thing[attribute] ?? '').join('\t'));
  };
  const call: Call = {
    state,
    argv,
    flags,
    input,
    print,
    printAttributes,
    things,
    change,
    need,
    describe: (kind, name, notFound) => printAttributes(things(kind)[name] ?? refuse(notFound)),
    create: (kind, name, attributes = {}) =>
      change(() => {
        if (things(kind)[name] !== undefined)
          refuse(`ALREADY_EXISTS: Resource already exists in the project (resource=${name}).`);
        things(kind)[name] = { name, ...attributes };
      }),
    remove: (kind, name) =>
      change(() => {
        need(kind, name);
        delete things(kind)[name];
      }),
    needAccount(email = '') {
      if (email.endsWith(`@${flags.project}.iam.gserviceaccount.com`)) need('accounts', email);
    },
    refuseWhileLagging(lag, text) {
      if (state.lags[lag] <= 0) return;
      state.lags[lag] -= 1;
      refuse(text);
    },
  };
  return { call, line: words.join(' ') };
};
