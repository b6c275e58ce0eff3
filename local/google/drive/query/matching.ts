import { invalidValue, notImplemented } from '../errors.ts';
import type { Operator, Query } from './parse.ts';

/** The terms of a query, each with the function that tests an item. They are built once per search. */
export interface Terms<Item> {
  compare: Readonly<Record<string, (operator: Operator, value: string | boolean) => (item: Item) => boolean>>;
  in: Readonly<Record<string, (value: string) => (item: Item) => boolean>>;
  has: Readonly<Record<string, (key: string, value: string) => (item: Item) => boolean>>;
  /** Terms of the real Drive that are not implemented here. */
  absent: readonly string[];
}

export const invalidQuery = () => invalidValue('q');

const known = <T>(table: Readonly<Record<string, T>>, term: string): T => {
  const found = Object.hasOwn(table, term) ? table[term] : undefined;
  if (found === undefined) throw invalidQuery();
  return found;
};

/**
 * @throws DriveError 400 for unknown terms and for operators and values that a term does not accept, 501 for absent
 * terms
 */
export function matcherOf<Item>(query: Query, terms: Terms<Item>, methodId: string): (item: Item) => boolean {
  const of = (inner: Query): ((item: Item) => boolean) => matcherOf(inner, terms, methodId);
  if ('term' in query && terms.absent.includes(query.term))
    throw notImplemented(methodId, `the search term ${query.term}`);
  switch (query.kind) {
    case 'and': {
      const [left, right] = [of(query.left), of(query.right)];
      return (item) => left(item) && right(item);
    }
    case 'or': {
      const [left, right] = [of(query.left), of(query.right)];
      return (item) => left(item) || right(item);
    }
    case 'not': {
      const inner = of(query.inner);
      return (item) => !inner(item);
    }
    case 'compare':
      return known(terms.compare, query.term)(query.operator, query.value);
    case 'in':
      return known(terms.in, query.term)(query.value);
    case 'has':
      return known(terms.has, query.term)(query.key, query.value);
  }
}

const equality = (operator: Operator): boolean => {
  if (operator !== '=' && operator !== '!=') throw invalidQuery();
  return operator === '=';
};

/** A term with `=` and `!=` on true and false. */
export const flagTerm =
  <Item>(read: (item: Item) => boolean) =>
  (operator: Operator, value: string | boolean) => {
    const wanted = equality(operator);
    if (typeof value !== 'boolean') throw invalidQuery();
    return (item: Item): boolean => (read(item) === value) === wanted;
  };

/** A term with `=` and `!=` on text, and `contains` where given. */
export const textTerm =
  <Item>(
    read: (item: Item) => string | undefined,
    same: (one: string, other: string) => boolean,
    contains?: (text: string, part: string) => boolean,
  ) =>
  (operator: Operator, value: string | boolean) => {
    if (typeof value !== 'string') throw invalidQuery();
    if (operator === 'contains') {
      if (contains === undefined) throw invalidQuery();
      return (item: Item): boolean => contains(read(item) ?? '', value);
    }
    const wanted = equality(operator);
    return (item: Item): boolean => same(read(item) ?? '', value) === wanted;
  };

/** A time without an offset is UTC (guides/ref-search-terms). A date means its midnight. */
const timeOf = (text: string): number => {
  if (!/^\d{4}-\d\d-\d\d([Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?)?$/.test(text)) throw invalidQuery();
  const time = Date.parse(/([Zz]|[+-]\d\d:\d\d)$/.test(text) || text.length === 10 ? text : `${text}Z`);
  if (Number.isNaN(time)) throw invalidQuery();
  return time;
};

const COMPARISONS: Readonly<Record<string, (one: number, other: number) => boolean>> = {
  '=': (one, other) => one === other,
  '!=': (one, other) => one !== other,
  '<': (one, other) => one < other,
  '<=': (one, other) => one <= other,
  '>': (one, other) => one > other,
  '>=': (one, other) => one >= other,
};

/** A term with all comparisons on times in epoch milliseconds. An item without the time never matches. */
export const timeTerm =
  <Item>(read: (item: Item) => number | undefined) =>
  (operator: Operator, value: string | boolean) => {
    if (typeof value !== 'string') throw invalidQuery();
    const compare = known(COMPARISONS, operator);
    const other = timeOf(value);
    return (item: Item): boolean => {
      const time = read(item);
      return time !== undefined && compare(time, other);
    };
  };

/** Names are compared without letter case. Whether accents count is not documented; here they do. */
export const sameName = (one: string, other: string): boolean =>
  one.normalize('NFC').toLowerCase() === other.normalize('NFC').toLowerCase();

const words = (text: string): string[] =>
  text
    .normalize('NFC')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');

/** "The contains operator only performs prefix matching for a name term": the last of its words may be a prefix. */
export function nameContains(name: string, part: string): boolean {
  const [have, want] = [words(name), words(part)];
  const last = want.length - 1;
  return have.some((_, start) =>
    want.every((word, index) => {
      const there = have[start + index] ?? '';
      return index === last ? there.startsWith(word) : there === word;
    }),
  );
}
