import type { ResolvedRequest } from './resolve-options.ts';

/** Refuses a request without a property that a label of the destination needs, before a byte of it is read. */
export const checkLabels = async (request: ResolvedRequest): Promise<void> => {
  if (Object.keys(request.destination.config.labels).length === 0) return;
  (await import('./policy.ts')).labelsOf(request);
};
