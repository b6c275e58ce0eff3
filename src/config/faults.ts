import type { z } from 'zod';
import { redact } from '../redact.ts';
import type { Remark } from './tidy.ts';
import { variableOf } from './variables.ts';

/** The faults of a configuration, one line each, with their paths. The process exits with 78 (EX_CONFIG). */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  /** @param hint one more line, if more is needed than correcting the faults */
  constructor(faults: readonly string[], hint?: string) {
    const lines = [
      `The configuration has ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}:`,
      ...faults.map((fault) => `  ${fault}`),
    ];
    // A value in the wrong place may be a secret, and faults quote values.
    super(redact([...lines, ...(hint === undefined ? [] : [hint])].join('\n')));
    this.name = 'ConfigError';
    this.faults = faults.map(redact);
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  record: 'a mapping',
  object: 'a mapping',
  array: 'a list',
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
};

/** zod's messages for a missing value or a wrong type, where the schema has no message of its own. */
export const issueMessage: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'invalid_type' && issue.code !== 'invalid_value') return undefined;
  if (issue.input === undefined) return 'is missing';
  const kind = issue.code === 'invalid_type' ? TYPE_NAMES[issue.expected] : undefined;
  return kind === undefined ? undefined : `is not ${kind}`;
};

/** A fault with its path. In the environment form the variable takes the place of the path. */
export const lineOf = ({ path, message }: Remark, fromEnvironment: boolean): string => {
  const where = path.map(String).join('.');
  const variable = fromEnvironment ? variableOf(path) : undefined;
  // The document's message mentions kinds of credentials that have no variable.
  if (variable !== undefined && where === 'credentials.default') return `${variable}: needs exactly one of these`;
  return `${variable ?? (where || 'the document')}: ${message}`;
};

/** The faults of a parse, as lines. */
export const faultLines = (error: z.ZodError, fromEnvironment: boolean): string[] => [
  // A schema of two parts reports a fault twice.
  ...new Set(error.issues.map((issue) => lineOf(issue, fromEnvironment))),
];
