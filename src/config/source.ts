import { lineOf } from './faults.ts';
import { parseConfiguration } from './parse-configuration.ts';
import { type Remark, tidy } from './tidy.ts';
import { type Environment, fromVariables, setVariables } from './variables.ts';

/** The document before it is validated. */
interface UncheckedDocument {
  /** Undefined if it cannot be read; see `faults`. */
  value: unknown;
  faults: string[];
  /** How the values were corrected. */
  notes: string[];
  fromEnvironment: boolean;
  /** Set if there is no configuration at all. */
  hint?: string | undefined;
}

const FIRST_STEPS = 'Set COURIER_CONFIG_FILE or COURIER_CONFIG, or the variables above (see docs/configuration.md)';

/** Finds the document: in COURIER_CONFIG, in the file that COURIER_CONFIG_FILE names, or in single variables. */
const findDocument = (env: Environment): Omit<UncheckedDocument, 'notes'> => {
  const text = env.COURIER_CONFIG;
  const file = env.COURIER_CONFIG_FILE;
  if (!text && !file) {
    const hint = setVariables(env).length === 0 ? FIRST_STEPS : undefined;
    return { value: fromVariables(env), faults: [], fromEnvironment: true, hint };
  }
  const faults = setVariables(env).map(
    (name) => `${name}: cannot be used with COURIER_CONFIG or COURIER_CONFIG_FILE; set it in the document`,
  );
  if (text && file) faults.push('COURIER_CONFIG_FILE: set either this or COURIER_CONFIG, not both');
  const where = text ? 'COURIER_CONFIG' : 'COURIER_CONFIG_FILE';
  const parsed = parseConfiguration(text ? { text } : { file: file ?? '' });
  if ('fault' in parsed) faults.push(`${where}: ${parsed.fault}`);
  return { value: 'fault' in parsed ? undefined : parsed.value, faults, fromEnvironment: false };
};

/** The document with its values tidied. */
export const readDocument = (env: Environment): UncheckedDocument => {
  const { value, faults, ...found } = findDocument(env);
  const tidied = tidy(value);
  const lines = (remarks: readonly Remark[]): string[] => remarks.map((each) => lineOf(each, found.fromEnvironment));
  return { ...found, value: tidied.value, faults: [...faults, ...lines(tidied.faults)], notes: lines(tidied.notes) };
};
