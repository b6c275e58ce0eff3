import { invalidQuery, notImplemented } from '../errors.ts';
import type { TableName } from '../model.ts';
import { CASTS, FUNCTIONS } from './functions.ts';
import { quoteName, quoteText, SCALARS, scalarNamed, sqlValue } from './literals.ts';
import { tableNamed } from './table-name.ts';
import { TokenReader } from './token-reader.ts';
import { type Token, tokensOf } from './tokens.ts';
import { AFTER_FROM, EXTRACTED, KEYWORDS, REFUSED, SYMBOLS, TYPED_LITERALS } from './words.ts';

export interface Translation {
  /** A single SELECT for DuckDB. */
  sql: string;
  tables: TableName[];
}

export interface TranslationOptions {
  project: string;
  defaultDataset: { project: string; dataset: string } | undefined;
  /** Parameters as DuckDB's SQL: by name, or in order. */
  named: ReadonlyMap<string, string>;
  positional: readonly string[];
}

/** Translates GoogleSQL to DuckDB's SQL. SQL that differs, or may differ, is rejected by its name. */
class Translator extends TokenReader {
  readonly tables: TableName[] = [];
  readonly #options: TranslationOptions;
  readonly #withNames = new Set<string>();
  #positional = 0;

  constructor(tokens: Token[], options: TranslationOptions) {
    super(tokens);
    this.#options = options;
    for (const [index, token] of tokens.entries()) {
      const isName = token.kind === 'word' || token.kind === 'quoted';
      const [as, parenthesis] = tokens.slice(index + 1);
      if (isName && as?.text.toUpperCase() === 'AS' && parenthesis?.text === '(' && parenthesis.kind === 'symbol')
        this.#withNames.add(token.text.toLowerCase());
    }
  }

  /** Translates up to the end, or to a closing bracket of this level. */
  until(closing: string | undefined): string {
    const out: string[] = [];
    let inFrom = false;
    let wantsTable = false;
    for (;;) {
      const token = this.peek();
      if (token === undefined) {
        if (closing === undefined) return out.join(' ');
        throw invalidQuery(`Syntax error: Expected "${closing}" but got end of statement`);
      }
      if (token.kind === 'symbol' && token.text === closing) return out.join(' ');
      const word = this.word();
      if (wantsTable && !this.isSymbol('(')) {
        out.push(word === 'UNNEST' ? this.#unnest() : this.#table());
        wantsTable = false;
        continue;
      }
      wantsTable = false;
      const isComparison = word === 'FROM' && out.at(-1)?.toUpperCase() === 'DISTINCT';
      if (!isComparison && (word === 'FROM' || word === 'JOIN')) [inFrom, wantsTable] = [true, true];
      else if (AFTER_FROM.has(word)) inFrom = false;
      else if (inFrom && this.isSymbol(',')) wantsTable = true;
      out.push(this.#item(out));
    }
  }

  #item(before: readonly string[]): string {
    const token = this.peek();
    if (token === undefined) return '';
    switch (token.kind) {
      case 'quoted':
        this.at += 1;
        return quoteName(token.text);
      case 'string':
        this.at += 1;
        return quoteText(token.text);
      case 'bytes':
        this.at += 1;
        return sqlValue('BYTES', Buffer.from(token.text, 'latin1').toString('base64'));
      case 'number':
        this.at += 1;
        if (/^0x/i.test(token.text)) return String(BigInt(token.text));
        return /^\d+$/.test(token.text) ? token.text : `${token.text}::DOUBLE`;
      case 'parameter':
      case 'positional':
        return this.#parameter(token);
      case 'symbol':
        return this.#symbol(token.text);
      default:
        return this.#keyword(before);
    }
  }

  #parameter({ kind, text }: Token): string {
    this.at += 1;
    const value =
      kind === 'positional'
        ? this.#options.positional[this.#positional++]
        : this.#options.named.get(text.toLowerCase());
    if (value === undefined)
      throw invalidQuery(
        kind === 'positional' ? 'Too few positional query parameters' : `Query parameter '${text}' not found`,
      );
    return value;
  }

  #symbol(text: string): string {
    if (text === ';') throw notImplemented('scripts of more than one statement');
    if (!SYMBOLS.has(text)) throw notImplemented(`the operator ${text}`);
    const former = this.peek(-1);
    const isSubscript =
      (former?.kind === 'word' && !KEYWORDS.has(former.text.toUpperCase())) || /^[)\]]$/.test(former?.text ?? '');
    if (text === '[' && isSubscript) throw notImplemented('subscripts');
    this.at += 1;
    if (text !== '(' && text !== '[') return text;
    const closing = text === '(' ? ')' : ']';
    const inner = this.until(closing);
    this.at += 1;
    return `${text}${inner}${closing}`;
  }

  #keyword(before: readonly string[]): string {
    const word = this.word();
    const raw = this.peek()?.text ?? '';
    const isMember = before.at(-1) === '.';
    if (!isMember) {
      if (REFUSED.has(word)) throw notImplemented(word);
      if (word === 'ALL' && before.slice(-2).join(' ').toUpperCase() === 'ORDER BY')
        throw notImplemented('ORDER BY ALL');
      if (TYPED_LITERALS.has(word) && ['string', 'number'].includes(this.peek(1)?.kind ?? ''))
        return this.#typedLiteral(word);
      if (word === 'EXCEPT' && before.at(-1) === '*') {
        this.at += 1;
        return 'EXCLUDE';
      }
      if (['UNION', 'INTERSECT', 'EXCEPT'].includes(word)) return this.#setOperation(word);
      if (this.isSymbol('(', 1)) return this.#call(word, before);
      if (word === 'ARRAY' || (word === 'STRUCT' && this.isSymbol('<', 1)))
        throw notImplemented(`typed ${word} constructors`);
    }
    this.at += 1;
    return raw;
  }

  #typedLiteral(type: string): string {
    const value = this.peek(1);
    this.at += 2;
    if (type !== 'INTERVAL') return sqlValue(type, value?.text ?? '');
    const unit = this.word();
    if (value?.kind !== 'string' || unit !== 'YEAR' || this.word(1) !== 'TO' || this.word(2) !== 'SECOND')
      throw notImplemented('INTERVAL literals other than INTERVAL "Y-M D H:M:S" YEAR TO SECOND');
    this.at += 3;
    return sqlValue('INTERVAL', value.text);
  }

  #setOperation(word: string): string {
    const kind = this.word(1);
    if (kind !== 'ALL' && kind !== 'DISTINCT')
      throw invalidQuery(`Syntax error: Expected keyword ALL or keyword DISTINCT after ${word}`);
    if (kind === 'ALL' && word !== 'UNION') throw notImplemented(`${word} ALL`);
    this.at += 2;
    return kind === 'ALL' ? 'UNION ALL' : word;
  }

  #call(word: string, before: readonly string[]): string {
    if (word === 'CAST' || word === 'SAFE_CAST') return this.#cast();
    if (word === 'STRUCT') return this.#struct();
    if (word === 'EXTRACT') return this.#extract();
    if (word === 'UNNEST' && before.at(-1)?.toUpperCase() === 'IN') {
      this.at += 1;
      return `(SELECT unnest${this.#symbol('(')})`;
    }
    // Column lists, as in "WITH t AS (…)", "x IN (…)" and "USING (…)".
    if (KEYWORDS.has(word) || this.#withNames.has(word.toLowerCase())) {
      this.at += 1;
      return word;
    }
    const name = Object.hasOwn(FUNCTIONS, word) ? FUNCTIONS[word] : undefined;
    // A member of "* REPLACE (…)".
    if (word === 'REPLACE' && before.at(-1) === '*') {
      this.at += 1;
      return 'REPLACE';
    }
    if (name === undefined) throw notImplemented(`the function ${word}`);
    this.at += 1;
    return `${name}${this.#symbol('(')}`;
  }

  /** `CAST(x AS type)`. A cast of a literal is resolved here; one of an expression checks the type of its source. */
  #cast(): string {
    this.at += 1;
    this.expect('(');
    const literal = this.peek();
    const isLiteral =
      (literal?.kind === 'string' || literal?.kind === 'number' || this.word() === 'NULL') && this.word(1) === 'AS';
    const value = this.#untilAs();
    const type = scalarNamed(this.peek()?.text ?? '');
    this.at += 1;
    this.expect(')');
    if (isLiteral && literal !== undefined)
      return literal.kind === 'word' ? `CAST(NULL AS ${SCALARS[type]?.duck})` : sqlValue(type, literal.text);
    const cast = CASTS[type];
    if (cast === undefined) throw notImplemented(`CAST of an expression to ${type}`);
    const sources = [...cast.from, '"NULL"'].map(quoteText).join(', ');
    const refusal = `error('Not implemented by the local BigQuery: CAST to ${type} of ' || typeof(${value}))`;
    return `CASE WHEN typeof(${value}) IN (${sources}) THEN CAST(${value} AS ${cast.to}) ELSE ${refusal} END`;
  }

  #untilAs(): string {
    const out: string[] = [];
    while (this.word() !== 'AS') {
      if (this.peek() === undefined || this.isSymbol(')')) throw invalidQuery('Syntax error: Expected keyword AS');
      out.push(this.#item(out));
    }
    this.at += 1;
    return out.join(' ');
  }

  /** `STRUCT(a AS x, b AS y)`. Every member needs a name. */
  #struct(): string {
    this.at += 1;
    this.expect('(');
    const members: string[] = [];
    for (;;) {
      const value = this.#untilAs();
      members.push(`${quoteName(this.peek()?.text ?? '')} := ${value}`);
      this.at += 1;
      if (this.isSymbol(')')) break;
      this.expect(',');
    }
    this.at += 1;
    return `struct_pack(${members.join(', ')})`;
  }

  #extract(): string {
    this.at += 1;
    this.expect('(');
    const part = this.word();
    if (!EXTRACTED.has(part)) throw notImplemented(`EXTRACT of ${part}`);
    this.at += 1;
    this.expect('FROM');
    const value = this.until(')');
    this.at += 1;
    return `extract(${part} FROM ${value})`;
  }

  /** `UNNEST(array) AS name`: the alias names the elements. */
  #unnest(): string {
    this.at += 1;
    const list = this.#symbol('(');
    if (this.word() === 'AS') this.at += 1;
    const token = this.peek();
    const isAlias =
      token?.kind === 'quoted' ||
      (token?.kind === 'word' &&
        !AFTER_FROM.has(this.word()) &&
        !/^(ON|JOIN|LEFT|INNER|CROSS|WITH|FULL|RIGHT)$/.test(this.word()));
    if (this.word() === 'WITH' || this.word(1) === 'WITH') throw notImplemented('UNNEST … WITH OFFSET');
    if (!isAlias || token === undefined) return `unnest${list} AS unnested_(unnested_)`;
    this.at += 1;
    return `unnest${list} AS ${quoteName(token.text)}(${quoteName(token.text)})`;
  }

  /** A path of names after FROM: a table, or a name of the WITH clause. */
  #table(): string {
    const parts = this.path();
    const [only] = parts;
    if (parts.length === 1 && only !== undefined && this.#withNames.has(only.toLowerCase())) return quoteName(only);
    const name = tableNamed(parts, this.#options);
    this.tables.push(name);
    return `${quoteName(`${name.project}.${name.dataset}`)}.${quoteName(name.table)}`;
  }
}

/**
 * Translates one query.
 * @throws BigQueryError `invalidQuery`, `invalid`, `notImplemented`
 */
export function translate(sql: string, options: TranslationOptions): Translation {
  const tokens = tokensOf(sql);
  if (tokens.at(-1)?.text === ';' && tokens.at(-1)?.kind === 'symbol') tokens.pop();
  const [first] = tokens;
  if (first === undefined) throw invalidQuery('Syntax error: Unexpected end of statement');
  const word = first.text.toUpperCase();
  if (!['SELECT', 'WITH', '('].includes(word)) {
    if (/^(?:SELEC|SLECT|FORM)/.test(word))
      throw invalidQuery(`Syntax error: Unexpected identifier "${first.text}" at [1:1]`);
    throw notImplemented(`statements that begin with ${word}`);
  }
  const translator = new Translator(tokens, options);
  const translated = translator.until(undefined);
  return { sql: translated, tables: translator.tables };
}
