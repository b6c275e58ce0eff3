import { digest, type Mutant } from './mutants.ts';

/**
 * A seeded choice among mutants. Each has its place by what it changes, so that a change in one file leaves the choice
 * among the mutants of all others as it was.
 */
export const sampleOf = (mutants: readonly Mutant[], size: number, seed: number): Mutant[] => {
  const placed = mutants.map((mutant) => {
    const { file, within, text, before, after, nth } = mutant;
    return { mutant, place: digest(String(seed), file, within, text, before, after, String(nth)) };
  });
  return placed
    .sort((one, other) => (one.place < other.place ? -1 : 1))
    .slice(0, size)
    .map(({ mutant }) => mutant);
};
