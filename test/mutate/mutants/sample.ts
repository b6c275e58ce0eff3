import { digest, type Mutant } from './mutants.ts';

/**
 * A seeded sample of mutants. Each mutant's rank depends on its change, so a change in one file does not affect the
 * sample of other files.
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
