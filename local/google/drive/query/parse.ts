import { invalidValue } from '../errors.ts';
import { type Token, tokensOf } from './tokens.ts';

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'contains';

/** A parsed `q` string. */
export type Query =
  | { kind: 'and' | 'or'; left: Query; right: Query }
  | { kind: 'not'; inner: Query }
  | { kind: 'compare'; term: string; operator: Operator; value: string | boolean }
  | { kind: 'in'; value: string; term: string }
  | { kind: 'has'; term: string; key: string; value: string };

/** The maximum nesting depth of a query. */
const MAX_LEVELS = 100;
const OPERATORS: readonly string[] = ['=', '!=', '<', '<=', '>', '>=', 'contains'];

/**
 * query  = clause *("or" clause)      clause = unary *("and" unary)      unary = ["not"] factor
 * factor = "(" query ")" / text "in" term / term "has" "{" "key" "=" text "and" "value" "=" text "}" / term operator (text / flag) / term
 */
class Reader {
  private at = 0;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  private fail(): never {
    throw invalidValue('q');
  }

  private next(): Token {
    const token = this.tokens[this.at] ?? this.fail();
    this.at += 1;
    return token;
  }

  private take(value: string): boolean {
    const token = this.tokens[this.at];
    const found = (token?.kind === 'word' && token.word === value) || (token?.kind === 'sign' && token.sign === value);
    if (found) this.at += 1;
    return found;
  }

  private expect(value: string): void {
    if (!this.take(value)) this.fail();
  }

  private text(): string {
    const token = this.next();
    return token.kind === 'text' ? token.text : this.fail();
  }

  private word(): string {
    const token = this.next();
    return token.kind === 'word' ? token.word : this.fail();
  }

  private either(levels: number): Query {
    let left = this.both(levels);
    while (this.take('or')) left = { kind: 'or', left, right: this.both(levels) };
    return left;
  }

  private both(levels: number): Query {
    let left = this.unary(levels);
    while (this.take('and')) left = { kind: 'and', left, right: this.unary(levels) };
    return left;
  }

  private unary(levels: number): Query {
    if (levels <= 0) return this.fail();
    if (this.take('not')) return { kind: 'not', inner: this.unary(levels - 1) };
    if (!this.take('(')) return this.condition();
    const inner = this.either(levels - 1);
    this.expect(')');
    return inner;
  }

  private condition(): Query {
    const first = this.next();
    if (first.kind === 'text') {
      this.expect('in');
      return { kind: 'in', value: first.text, term: this.word() };
    }
    if (first.kind !== 'word') return this.fail();
    const term = first.word;
    if (this.take('has')) return this.property(term);
    const operator = OPERATORS.find((sign) => this.take(sign)) as Operator | undefined;
    // The guide's own example: `sharedWithMe and name contains 'hello'`.
    if (operator === undefined) return { kind: 'compare', term, operator: '=', value: true };
    const value = this.next();
    if (value.kind === 'text') return { kind: 'compare', term, operator, value: value.text };
    if (value.kind === 'word' && (value.word === 'true' || value.word === 'false'))
      return { kind: 'compare', term, operator, value: value.word === 'true' };
    return this.fail();
  }

  private property(term: string): Query {
    this.expect('{');
    this.expect('key');
    this.expect('=');
    const key = this.text();
    this.expect('and');
    this.expect('value');
    this.expect('=');
    const value = this.text();
    this.expect('}');
    return { kind: 'has', term, key, value };
  }

  read(): Query {
    const query = this.either(MAX_LEVELS);
    if (this.at !== this.tokens.length) this.fail();
    return query;
  }
}

/**
 * Parses a search string. `and` binds tighter than `or`. Source:
 * developers.google.com/workspace/drive/api/guides/ref-search-terms.
 * @throws DriveError 400 `invalid` "Invalid Value" at `q`
 */
export const parseQuery = (q: string): Query => new Reader(tokensOf(q)).read();
