import { CourierError } from '../../errors.ts';

type Token = { kind: 'text'; character: string } | { kind: 'one' | 'segment' | 'any' | 'folders' };

const MAX_LENGTH = 256;

const invalid = (detail: string): CourierError => new CourierError('request-invalid', { detail });

/** Other characters that have a meaning in globs. They are rejected, because callers hardly ever mean them literally. */
const UNSUPPORTED = /[[\]{}\\!]/;

/** Of a position in the glob: not reached; reached, while those after it are not; reached with those after it. */
const NOWHERE = 0;
const ALONE = 1;
const WITH_NEXT = 2;

const tokensOf = (glob: string): Token[] =>
  [...glob.matchAll(/\*\*\/?|\*|\?|./gsu)].map(([text]): Token => {
    if (text.startsWith('**')) return { kind: text === '**' ? 'any' : 'folders' };
    if (text === '*') return { kind: 'segment' };
    return text === '?' ? { kind: 'one' } : { kind: 'text', character: text };
  });

/**
 * Makes a matcher of a glob: `*` is any text within a folder, `**` any text, and `**` with a slash any folders or none,
 * `?` one character. A glob without a slash is compared with the last segment of a name. Names and globs are compared in
 * one pass without backtracking, so no glob makes it slow.
 * @throws CourierError `request-invalid`
 */
export const globMatcher = (glob: string): ((name: string) => boolean) => {
  if (glob === '' || glob.length > MAX_LENGTH) throw invalid(`source.match must have 1 to ${MAX_LENGTH} characters.`);
  if (UNSUPPORTED.test(glob)) throw invalid('source.match may have only the wildcards "*", "**" and "?".');
  const tokens = tokensOf(glob);
  const isForSegment = !glob.includes('/') && !glob.includes('**');

  /** Adds a position, and those after wildcards that may be empty. */
  const add = (positions: Uint8Array, at: number): void => {
    for (let next = at; positions[next] !== WITH_NEXT; next += 1) {
      positions[next] = WITH_NEXT;
      const kind = tokens[next]?.kind;
      if (kind === undefined || kind === 'text' || kind === 'one') return;
    }
  };
  /** @returns false if no position is left */
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: each kind of token moves in its own way, in one pass over the positions.
  const advance = (positions: Uint8Array, next: Uint8Array, character: string): boolean => {
    next.fill(NOWHERE);
    let isAnywhere = false;
    for (let at = 0; at < tokens.length; at += 1) {
      const token = tokens[at];
      if (token === undefined || positions[at] === NOWHERE) continue;
      let moved: number | undefined;
      if (token.kind === 'any' || (token.kind === 'segment' && character !== '/')) moved = at;
      else if (token.kind === 'folders') {
        if (next[at] === NOWHERE) next[at] = ALONE;
        isAnywhere = true;
        if (character === '/') moved = at + 1;
      } else if (token.kind === 'one' ? character !== '/' : token.kind === 'text' && token.character === character) {
        moved = at + 1;
      }
      if (moved === undefined) continue;
      add(next, moved);
      isAnywhere = true;
    }
    return isAnywhere;
  };

  return (name) => {
    const compared = isForSegment ? name.slice(name.lastIndexOf('/') + 1) : name;
    let positions = new Uint8Array(tokens.length + 1);
    let next = new Uint8Array(tokens.length + 1);
    add(positions, 0);
    for (const character of compared) {
      if (!advance(positions, next, character)) return false;
      [positions, next] = [next, positions];
    }
    return positions[tokens.length] !== NOWHERE;
  };
};
