/** Text that is HTML. Everything else is escaped when it is inserted. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Piece = Markup | string | number | undefined | readonly Piece[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Shows control characters as symbols, because browsers drop those that HTML forbids. Replaces lone surrogates, which
 * UTF-8 cannot encode.
 */
const visible = (text: string): string =>
  text
    .toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to replace
    .replace(/[\u0000-\u001f]/g, (character) => String.fromCodePoint(0x2400 + (character.codePointAt(0) ?? 0)))
    // Characters that reverse the text after them could make `gnp.exe` look like a picture.
    .replace(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\u{fffd}');

const rendered = (piece: Piece): string => {
  if (piece === undefined) return '';
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === 'string' || typeof piece === 'number')
    return visible(String(piece)).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
  return piece.map(rendered).join('');
};

/** An HTML template that escapes every inserted value. Names come from the people who create the files. */
export const html = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup =>
  new Markup(strings.map((text, index) => text + rendered(pieces[index])).join(''));

/** Isolates a name, so that right-to-left marks in it do not affect the text next to it. */
export const name = (text: string): Markup => html`<bdi>${text}</bdi>`;
