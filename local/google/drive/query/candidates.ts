import type { Query } from './parse.ts';

/**
 * The folders of which one must be the parent, or undefined when any may be: so that a search in one folder looks at that
 * folder alone.
 */
export function foldersOf(query: Query | undefined): ReadonlySet<string> | undefined {
  if (query?.kind === 'in' && query.term === 'parents') return new Set([query.value]);
  if (query?.kind === 'and') {
    const [left, right] = [foldersOf(query.left), foldersOf(query.right)];
    return left !== undefined && right !== undefined
      ? new Set([...left].filter((id) => right.has(id)))
      : (left ?? right);
  }
  if (query?.kind === 'or') {
    const [left, right] = [foldersOf(query.left), foldersOf(query.right)];
    return left !== undefined && right !== undefined ? new Set([...left, ...right]) : undefined;
  }
  return undefined;
}
