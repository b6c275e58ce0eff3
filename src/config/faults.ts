import type { z } from 'zod';
import type { Remark } from './tidy.ts';
import { variableOf } from './variables.ts';

/** All that is wrong with the configuration, one line a fault, each with its path. The process exits 78 (EX_CONFIG). */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  /** @param hint one more line, for whoever has more to do than to correct the faults */
  constructor(faults: readonly string[], hint?: string) {
    const lines = [`The configuration has ${faults.length} fault(s):`, ...faults.map((fault) => `  ${fault}`)];
    super([...lines, ...(hint === undefined ? [] : [hint])].join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const IN_WORDS: Readonly<Record<string, string>> = {
  record: 'a mapping',
  object: 'a mapping',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** What zod is to say of something missing or of another kind, where a schema has no words of its own. */
export const faultWords: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'invalid_type' && issue.code !== 'invalid_value') return undefined;
  if (issue.input === undefined) return 'is missing';
  const kind = issue.code === 'invalid_type' ? IN_WORDS[issue.expected] : undefined;
  return kind === undefined ? undefined : `is not ${kind}`;
};

/** A fault with its path; in the environment form the path is told by the variable that it comes from. */
export const lineOf = ({ path, message }: Remark, fromEnvironment: boolean): string => {
  const where = path.map(String).join('.');
  const variable = fromEnvironment ? variableOf(path) : undefined;
  // The document's words offer what has no variable.
  if (variable !== undefined && where === 'credentials.default') return `${variable}: needs exactly one of these`;
  return `${variable ?? (where || 'the document')}: ${message}`;
};

/** A line for each; in the environment form a path is told by the variable that it comes from. */
export const faultLines = (error: z.ZodError, fromEnvironment: boolean): string[] => [
  // A schema of two parts says the same twice.
  ...new Set(error.issues.map((issue) => lineOf(issue, fromEnvironment))),
];
