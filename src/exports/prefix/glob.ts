import { CourierError } from '../../errors.ts';

type Token = { kind: 'text'; character: string } | { kind: 'one' | 'segment' | 'any' | 'folders' };

const MAX_LENGTH = 256;

const invalid = (detail: string): CourierError => new CourierError('request-invalid', { detail });

/** Other characters that have a meaning in globs. They are rejected, because callers hardly ever mean them literally. */
const UNSUPPORTED = /[[\]{}\\!]/;

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
  const add = (positions: Set<number>, at: number): void => {
    for (let next = at; ; next += 1) {
      positions.add(next);
      const kind = tokens[next]?.kind;
      if (kind === undefined || kind === 'text' || kind === 'one') return;
    }
  };
  const advance = (positions: ReadonlySet<number>, character: string): Set<number> => {
    const next = new Set<number>();
    for (const at of positions) {
      const token = tokens[at];
      if (token === undefined) continue;
      if (token.kind === 'any' || (token.kind === 'segment' && character !== '/')) add(next, at);
      else if (token.kind === 'folders') {
        next.add(at);
        if (character === '/') add(next, at + 1);
      } else if (token.kind === 'one' ? character !== '/' : token.kind === 'text' && token.character === character) {
        add(next, at + 1);
      }
    }
    return next;
  };

  return (name) => {
    const compared = isForSegment ? name.slice(name.lastIndexOf('/') + 1) : name;
    let positions = new Set<number>();
    add(positions, 0);
    for (const character of compared) {
      positions = advance(positions, character);
      if (positions.size === 0) return false;
    }
    return positions.has(tokens.length);
  };
};
