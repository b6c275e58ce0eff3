import { invalidValue, notImplemented } from '../errors.ts';
import type { Operator, Query } from './parse.ts';

/** What one term of a search compares with, and whether an item fits. Built once a search, asked for each item. */
export interface Terms<Item> {
  compare: Readonly<Record<string, (operator: Operator, value: string | boolean) => (item: Item) => boolean>>;
  in: Readonly<Record<string, (value: string) => (item: Item) => boolean>>;
  has: Readonly<Record<string, (key: string, value: string) => (item: Item) => boolean>>;
  /** Terms that Drive has and this has not. */
  absent: readonly string[];
}

export const invalidQuery = () => invalidValue('q');

const known = <T>(table: Readonly<Record<string, T>>, term: string): T => {
  const found = Object.hasOwn(table, term) ? table[term] : undefined;
  if (found === undefined) throw invalidQuery();
  return found;
};

/** @throws DriveError 400 for unknown terms and for operators and values that a term does not take; 501 for absent terms */
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

/** `=` and `!=` over true and false. */
export const flagTerm =
  <Item>(read: (item: Item) => boolean) =>
  (operator: Operator, value: string | boolean) => {
    const wanted = equality(operator);
    if (typeof value !== 'boolean') throw invalidQuery();
    return (item: Item): boolean => (read(item) === value) === wanted;
  };

/** `=` and `!=` over texts, and `contains` where the term has it. */
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

/** Without an offset it is UTC (guides/ref-search-terms); a date alone is its midnight. */
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

/** All comparisons over times, in epoch milliseconds; an item without the time fits none. */
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

/** Letter case does not count in names. Whether accents do is not said anywhere: here they do. */
export const sameName = (one: string, other: string): boolean =>
  one.normalize('NFC').toLowerCase() === other.normalize('NFC').toLowerCase();

const words = (text: string): string[] =>
  text
    .normalize('NFC')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');

/** "The contains operator only performs prefix matching for a name term": of its words, the last one may be cut. */
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
