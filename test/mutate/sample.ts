import { digest, type Mutant } from './mutants.ts';

/**
 * A seeded choice among mutants. Each has its place by what it changes, so that a change in one file leaves the choice
 * among the mutants of all others as it was.
 */
export const sampleOf = (mutants: readonly Mutant[], size: number, seed: number): Mutant[] => {
  const seen = new Map<string, number>();
  const placed = mutants.map((mutant) => {
    const { file, within, text, before, after } = mutant;
    const what = digest(file, within, text, before, after);
    const count = seen.get(what) ?? 0;
    seen.set(what, count + 1);
    return { mutant, place: digest(String(seed), what, String(count)) };
  });
  return placed
    .sort((one, other) => (one.place < other.place ? -1 : 1))
    .slice(0, size)
    .map(({ mutant }) => mutant);
};
