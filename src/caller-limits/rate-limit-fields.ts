import type { LimitState } from './meter.ts';

/**
 * The `RateLimit-Policy` and `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4: lists of
 * structured fields (RFC 9651). Names have only characters that a structured string may contain.
 */
export const rateLimitFields = (states: readonly LimitState[]): Record<string, string> => {
  if (states.length === 0) return {};
  const policy = ({ name, quota, unit, windowSeconds }: LimitState): string =>
    `"${name}";q=${quota}${unit === undefined ? '' : `;qu="${unit}"`}${windowSeconds === undefined ? '' : `;w=${windowSeconds}`}`;
  const limit = ({ name, remaining, resetSeconds }: LimitState): string =>
    `"${name}";r=${Math.max(0, remaining)}${resetSeconds === undefined ? '' : `;t=${resetSeconds}`}`;
  return {
    'RateLimit-Policy': states.map(policy).join(', '),
    RateLimit: states.map(limit).join(', '),
  };
};
