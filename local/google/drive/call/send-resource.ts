import { findSchemaViolations } from '../discovery/schema-violations.ts';
import type { Mask } from '../fields/parse.ts';
import type { DriveState } from '../store/state.ts';
import { type DriveCall, sendJson } from './call.ts';

/** Keeps the members of a JSON value that the mask selects. In a list, each item is masked. */
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

/** Sends the members that the `fields` parameter selects, and records where they differ from the discovery document. */
export function sendResource(state: DriveState, { google, mask, method }: DriveCall, resource: unknown): void {
  const body = applyMask(resource, mask);
  state.schemaViolations.push(...findSchemaViolations(state.discovery, method.response ?? {}, body, method.id));
  sendJson(google.response, 200, body);
}
