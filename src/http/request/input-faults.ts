import type { z } from 'zod';

/** A value of the caller in an error detail. */
export const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** Messages of zod's own, which are written for developers. All other messages are the courier's. */
const OWN_WORDS = /^(?:Invalid|Too|Unrecognized)\b/;

/** What a value should be, by zod's names of types. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'a JSON object',
  record: 'a JSON object',
};

const listed = (values: readonly unknown[]): string => values.map((value) => JSON.stringify(value)).join(', ');

const tooLarge = ({ origin, maximum }: z.core.$ZodIssueTooBig): string =>
  origin === 'string' ? `has more than ${maximum} characters` : `is more than ${maximum}`;

const tooSmall = ({ origin, minimum }: z.core.$ZodIssueTooSmall): string => {
  if (origin !== 'string') return `is less than ${minimum}`;
  return minimum === 1 ? 'is empty' : `has fewer than ${minimum} characters`;
};

/** What is wrong with a value, as the rest of a sentence that begins with the name of the value. */
const faultOf = (issue: z.core.$ZodIssue): string => {
  const isAbsent = issue.code === 'invalid_type' || issue.code === 'invalid_value';
  if (isAbsent && issue.input === undefined) return 'is missing';
  if (!OWN_WORDS.test(issue.message)) return issue.message;
  if (issue.code === 'invalid_type') return `is not ${TYPES[issue.expected] ?? 'a value of the right type'}`;
  if (issue.code === 'invalid_value') {
    return issue.values.length === 1 ? `is not ${listed(issue.values)}` : `is not one of ${listed(issue.values)}`;
  }
  if (issue.code === 'too_big') return tooLarge(issue);
  if (issue.code === 'too_small') return tooSmall(issue);
  return 'is invalid';
};

/** Hints for options that there are elsewhere, and for bodies that were probably meant for another route. */
const HINTS: readonly (readonly [options: readonly string[], hint: string])[] = [
  [['specversion'], 'This is a CloudEvent: let Eventarc call the function courierEvent.'],
  [['message'], 'A Pub/Sub push goes to POST /v1/pubsub.'],
  [['folder', 'folderId', 'parents'], 'The folder is the destination’s; folders below it go into "path".'],
  [['unpack', 'preserveTimes'], 'An archive is unpacked with "unpack" in the query of POST /v1/files.'],
  [['mimeType'], 'The media type is the Content-Type of the file.'],
  [['idempotencyKey'], 'The key is in the header Idempotency-Key.'],
];

const hintAt = (keys: readonly string[]): string => {
  const hint = HINTS.find(([options]) => options.some((option) => keys.includes(option)))?.[1];
  return hint === undefined ? '' : ` ${hint}`;
};

/** Long names of a caller's own, such as those of properties, are shortened. */
const placeOf = ({ path }: z.core.$ZodIssue): string =>
  path.map((part) => (String(part).length > 60 ? `${String(part).slice(0, 60)}…` : String(part))).join('.');

const sentenceOf = (issue: z.core.$ZodIssue): string => {
  const at = placeOf(issue);
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.map(quoted).slice(0, 8).join(', ');
    return at === '' ? `There is no option ${names}.${hintAt(issue.keys)}` : `There is no option ${names} in ${at}.`;
  }
  return `${at === '' ? 'The body' : at} ${faultOf(issue)}.`;
};

const MAX_SENTENCES = 8;

/**
 * What is wrong with the input of a caller: a sentence for each fault that names its field.
 * @param error of a schema that was applied with `reportInput`
 */
export const inputFaults = ({ issues }: z.core.$ZodError): string => {
  const rules = issues.map((issue) => `${issue.code} ${placeOf(issue)}`);
  // A number that is far too large breaks two rules of its field. Each fault that the courier itself finds is another one.
  const isRepeated = ({ code }: z.core.$ZodIssue, index: number): boolean =>
    code !== 'custom' && rules.indexOf(rules[index] ?? '') < index;
  return issues
    .filter((issue, index) => !isRepeated(issue, index))
    .slice(0, MAX_SENTENCES)
    .map(sentenceOf)
    .join(' ');
};
