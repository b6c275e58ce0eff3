import { lineOf } from './faults.ts';
import { parseConfiguration } from './parse-configuration.ts';
import { type Remark, tidy } from './tidy.ts';
import { type Environment, fromVariables, setVariables } from './variables.ts';

/** The document before anybody has checked it. */
interface Unchecked {
  /** Undefined when it cannot be read; `faults` says why. */
  value: unknown;
  faults: string[];
  /** What was put right in the values. */
  notes: string[];
  fromEnvironment: boolean;
  /** Where nothing at all is set, and so nobody can know what the operator wants. */
  hint?: string;
}

const FIRST_STEPS = 'Set COURIER_CONFIG_FILE (or COURIER_CONFIG), or these variables: see docs/configuration.md';

/** Finds the document: in COURIER_CONFIG, in the file that COURIER_CONFIG_FILE names, or spread over variables. */
const findDocument = (env: Environment): Omit<Unchecked, 'notes'> => {
  const text = env.COURIER_CONFIG;
  const file = env.COURIER_CONFIG_FILE;
  if (!text && !file) {
    const hint = setVariables(env).length === 0 ? { hint: FIRST_STEPS } : {};
    return { value: fromVariables(env), faults: [], fromEnvironment: true, ...hint };
  }
  const faults = setVariables(env).map(
    (name) => `${name}: not read beside COURIER_CONFIG or COURIER_CONFIG_FILE; put it into the document`,
  );
  if (text && file) faults.push('COURIER_CONFIG_FILE: give either this or COURIER_CONFIG, not both');
  const where = text ? 'COURIER_CONFIG' : 'COURIER_CONFIG_FILE';
  const parsed = parseConfiguration(text ? { text } : { file: file ?? '' });
  if ('fault' in parsed) faults.push(`${where}: ${parsed.fault}`);
  return { value: 'fault' in parsed ? undefined : parsed.value, faults, fromEnvironment: false };
};

/** The document, wherever it is, with its values put in order. */
export const readDocument = (env: Environment): Unchecked => {
  const { value, faults, ...found } = findDocument(env);
  const tidied = tidy(value);
  const lines = (remarks: readonly Remark[]): string[] => remarks.map((each) => lineOf(each, found.fromEnvironment));
  return { ...found, value: tidied.value, faults: [...faults, ...lines(tidied.faults)], notes: lines(tidied.notes) };
};
