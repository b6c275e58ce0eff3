import type { Source } from '../delivery.ts';
import { isRawNumber, keysOf } from './exact-json.ts';
import { repeatable } from './repeatable.ts';

const isContainer = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !isRawNumber(value);

/** As `JSON.stringify(value, null, 2)`, piece by piece: indentation can make a text a hundred times as long. */
function* pretty(value: unknown, indent: string): Generator<string> {
  if (!isContainer(value)) {
    yield JSON.stringify(value);
    return;
  }
  const isArray = Array.isArray(value);
  const members = isArray ? value.map((item): [string, unknown] => ['', item]) : membersOf(value);
  if (members.length === 0) {
    yield isArray ? '[]' : '{}';
    return;
  }
  const deeper = `${indent}  `;
  let before = isArray ? '[' : '{';
  for (const [label, item] of members) {
    yield `${before}\n${deeper}${label}`;
    yield* pretty(item, deeper);
    before = ',';
  }
  yield `\n${indent}${isArray ? ']' : '}'}`;
}

const membersOf = (object: object): [string, unknown][] =>
  keysOf(object).map((key) => [`${JSON.stringify(key)}: `, (object as Record<string, unknown>)[key]]);

/** Any JSON value, for people to read; numbers and the order of keys as they were written. */
export const jsonSource = (value: unknown): Source =>
  repeatable('application/json', function* () {
    yield* pretty(value, '');
    yield '\n';
  });
