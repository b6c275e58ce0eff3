import type { MethodDescription, ParameterDescription } from '../../drive/discovery/discovery.ts';
import { invalidArgument } from '../errors.ts';
import { snake } from './names.ts';

/** A call's query parameters, checked against the discovery document. */
export interface Parameters {
  text(name: string): string | undefined;
  flag(name: string): boolean;
  list(name: string): readonly string[];
}

const checkValue = (name: string, value: string, { type, enum: known }: ParameterDescription): void => {
  if (type === 'boolean' && !/^(?:true|false)$/i.test(value))
    throw invalidArgument(`Invalid value at '${snake(name)}' (TYPE_BOOL), "${value}"`);
  if (type === 'integer' && !/^-?\d{1,10}$/.test(value))
    throw invalidArgument(`Invalid value at '${snake(name)}' (TYPE_INT32), "${value}"`);
  if (known !== undefined && !known.includes(value))
    throw invalidArgument(`Invalid value at '${snake(name)}' (TYPE_ENUM), "${value}"`);
};

/** @throws ApiError 400 for unknown parameters, wrong types, and single ones that are given more than once */
export function readParameters(method: MethodDescription, query: URLSearchParams): Parameters {
  const values = new Map<string, string[]>();
  for (const [name, value] of query) {
    const description = method.parameters[name];
    if (description === undefined || description.location !== 'query')
      throw invalidArgument(
        `Invalid JSON payload received. Unknown name "${name}": Cannot bind query parameter. Field '${name}' could not be found in request message.`,
      );
    const known = values.get(name);
    if (known !== undefined && description.repeated !== true)
      throw invalidArgument(`Invalid value at '${snake(name)}': the parameter was given more than once.`);
    checkValue(name, value, description);
    values.set(name, [...(known ?? []), value]);
  }
  const text = (name: string): string | undefined => values.get(name)?.[0] ?? method.parameters[name]?.default;
  return { text, flag: (name) => text(name)?.toLowerCase() === 'true', list: (name) => values.get(name) ?? [] };
}
