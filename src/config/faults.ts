import type { z } from 'zod';
import { variableOf } from './variables.ts';

/** All that is wrong with the configuration, one line a fault, each with its path. The process exits 78 (EX_CONFIG). */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`The configuration has ${faults.length} fault(s):\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** A line for each; in the environment form a path is told by the variable that it comes from. */
export const faultLines = (error: z.ZodError, fromEnvironment: boolean): string[] =>
  error.issues.map(({ path, message }) => {
    const variable = fromEnvironment ? variableOf(path) : undefined;
    return `${variable ?? (path.map(String).join('.') || 'the document')}: ${message}`;
  });
