import type { MethodDescription, ParameterDescription } from '../discovery/discovery.ts';
import { badRequest, DriveError, invalidParameter } from '../errors.ts';

/** A call's query parameters, checked against the discovery document. */
export interface Parameters {
  text(name: string): string | undefined;
  flag(name: string): boolean;
  number(name: string): number | undefined;
}

/**
 * Parameters of uploads that Google accepts although the discovery document lacks them. `upload_id` names a session.
 */
const UPLOAD_ONLY = new Set(['upload_id', 'name']);

const unknownName = (name: string): DriveError =>
  new DriveError(
    400,
    `Invalid JSON payload received. Unknown name "${name}": Cannot bind query parameter. Field '${name}' could not be found in request message.`,
    { reason: 'badRequest', status: 'INVALID_ARGUMENT' },
  );

const checkInteger = (name: string, value: string, description: ParameterDescription): void => {
  if (!/^-?\d{1,10}$/.test(value)) throw invalidParameter(name, `Invalid integer value: '${value}'.`);
  const low = Number(description.minimum ?? Number.NEGATIVE_INFINITY);
  const high = Number(description.maximum ?? Number.POSITIVE_INFINITY);
  if (Number(value) < low || Number(value) > high)
    throw invalidParameter(name, `Invalid value '${value}'. Values must be within the range: [${low}, ${high}]`);
};

const checkValue = (name: string, value: string, description: ParameterDescription): void => {
  if (description.type === 'boolean' && value !== 'true' && value !== 'false')
    throw invalidParameter(name, `Invalid boolean value: '${value}'.`);
  if (description.type === 'integer') checkInteger(name, value, description);
  if (description.enum !== undefined && !description.enum.includes(value))
    throw invalidParameter(name, `Invalid string value: '${value}'. Allowed values: [${description.enum.join(', ')}]`);
};

/** @throws DriveError 400 for unknown parameters, wrong types, values out of range, and missing required parameters */
export function readParameters(method: MethodDescription, query: URLSearchParams, isUpload: boolean): Parameters {
  const values = new Map<string, string>();
  for (const [name, value] of query) {
    const description = method.parameters[name];
    if (description === undefined || description.location !== 'query') {
      if (isUpload && UPLOAD_ONLY.has(name)) continue;
      throw unknownName(name);
    }
    if (values.has(name)) throw badRequest(`Parameter ${name} was given more than once.`, 'invalidParameter', name);
    checkValue(name, value, description);
    values.set(name, value);
  }
  for (const [name, description] of Object.entries(method.parameters))
    if (description.required === true && description.location === 'query' && !values.has(name))
      throw badRequest(`Required parameter: ${name}`, 'required', name);
  const text = (name: string): string | undefined => values.get(name) ?? method.parameters[name]?.default;
  return {
    text,
    flag: (name) => text(name) === 'true',
    number: (name) => {
      const value = text(name);
      return value === undefined ? undefined : Number(value);
    },
  };
}
