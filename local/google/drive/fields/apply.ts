import type { Mask } from './parse.ts';

/** Keeps of a JSON value what the selection names; lists are masked item by item. */
export function applyMask(value: unknown, mask: Mask): unknown {
  if (mask.all || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => applyMask(item, mask));
  const kept: Record<string, unknown> = {};
  const wildcard = mask.names.get('*');
  for (const [name, inner] of Object.entries(value)) {
    const own = mask.names.get(name) ?? wildcard;
    if (own !== undefined && inner !== undefined) kept[name] = applyMask(inner, own);
  }
  return kept;
}
