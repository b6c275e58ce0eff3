/** Text that is HTML already; everything else is escaped where it is put in. */
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

/** Control characters are shown, as their pictures; those that HTML forbids would otherwise vanish. Lone surrogates cannot be sent. */
const visible = (text: string): string =>
  text
    .toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    .replace(/[\u0000-\u001f]/g, (character) => String.fromCodePoint(0x2400 + (character.codePointAt(0) ?? 0)))
    // And what turns the letters after it round, so that `gnp.exe` reads as a picture.
    .replace(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\u{fffd}');

const rendered = (piece: Piece): string => {
  if (piece === undefined) return '';
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === 'string' || typeof piece === 'number')
    return visible(String(piece)).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
  return piece.map(rendered).join('');
};

/** HTML whose every hole is escaped: names come from whoever made the files. */
export const html = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup =>
  new Markup(strings.map((text, index) => text + rendered(pieces[index])).join(''));

/** A name with marks for right-to-left in it must not turn round what stands beside it. */
export const name = (text: string): Markup => html`<bdi>${text}</bdi>`;
