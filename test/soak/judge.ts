import type { Holding } from './inspector.ts';

const MEBIBYTE = 1_048_576;

/** How far the last quarter of a run may exceed the second one: a fraction of it, and a constant for noise. */
const BOUNDS: Readonly<Record<keyof Holding, { part: number; constant: number }>> = {
  heap: { part: 0.1, constant: 3 * MEBIBYTE },
  external: { part: 0.1, constant: 8 * MEBIBYTE },
  resident: { part: 0.15, constant: 24 * MEBIBYTE },
  descriptors: { part: 0, constant: 8 },
  sockets: { part: 0, constant: 8 },
  socketObjects: { part: 0, constant: 12 },
  timers: { part: 0, constant: 24 },
};

export interface Row {
  name: keyof Holding;
  /** The medians of the second and of the last quarter. */
  second: number;
  last: number;
  allowed: number;
  isFlat: boolean;
}

const medianOf = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

/**
 * The first quarter is the warm-up: pools, caches and compiled code grow to their size.
 * @throws for fewer than eight samples
 */
export const judge = (samples: readonly Holding[]): Row[] => {
  if (samples.length < 8) throw new Error(`${samples.length} samples are too few to say anything.`);
  const quarter = Math.floor(samples.length / 4);
  return (Object.keys(BOUNDS) as (keyof Holding)[]).map((name) => {
    const of = (part: readonly Holding[]): number => medianOf(part.map((holding) => holding[name]));
    const second = of(samples.slice(quarter, 2 * quarter));
    const last = of(samples.slice(-quarter));
    const { part, constant } = BOUNDS[name];
    const allowed = second * (1 + part) + constant;
    return { name, second, last, allowed, isFlat: last <= allowed };
  });
};
