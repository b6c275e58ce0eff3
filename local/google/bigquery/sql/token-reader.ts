import { invalidQuery } from '../errors.ts';
import type { Token } from './tokens.ts';

/** Looks at tokens one after another. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  /** The index of the next token. */
  protected at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  protected peek(ahead = 0): Token | undefined {
    return this.#tokens[this.at + ahead];
  }

  protected word(ahead = 0): string {
    const token = this.peek(ahead);
    return token?.kind === 'word' ? token.text.toUpperCase() : '';
  }

  protected isSymbol(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token?.kind === 'symbol' && token.text === text;
  }

  protected expect(text: string): void {
    const token = this.peek();
    if (token === undefined || token.text.toUpperCase() !== text)
      throw invalidQuery(
        `Syntax error: Expected "${text}" but got ${token === undefined ? 'end of statement' : JSON.stringify(token.text)}`,
      );
    this.at += 1;
  }

  /** Reads a path of names after FROM. */
  protected path(): string[] {
    let text = '';
    for (;;) {
      const token = this.peek();
      if (token === undefined || !['word', 'quoted', 'number'].includes(token.kind)) break;
      text += token.text;
      this.at += 1;
      // A project's id may have dashes.
      while (this.isSymbol('-')) {
        text += `-${this.peek(1)?.text ?? ''}`;
        this.at += 2;
      }
      if (!this.isSymbol('.')) break;
      this.at += 1;
      text += '.';
    }
    if (text === '')
      throw invalidQuery(
        `Syntax error: Unexpected ${JSON.stringify(this.peek()?.text ?? 'end of statement')} after FROM`,
      );
    return text.split('.');
  }
}
