/** What becomes of something that took too long; named as the reason of `AbortSignal.timeout` is. */
export const timeUp = (message: string): Error => Object.assign(new Error(message), { name: 'TimeoutError' });

/** The words of a time limit, however often libraries wrapped it; undefined when it was something else. */
export const timeUpIn = (error: unknown): string | undefined => {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each.name === 'TimeoutError') return each.message;
  }
  return undefined;
};
