import { type DriveCall, sendJson } from './call.ts';
import { departuresFrom } from './departures.ts';
import { applyMask } from './fields/apply.ts';
import type { DriveState } from './state.ts';

/** Answers with what the call's `fields` select; where that is not what Google's description says, it is noted. */
export function sendResource(state: DriveState, { google, mask, method }: DriveCall, resource: unknown): void {
  const body = applyMask(resource, mask);
  state.departures.push(...departuresFrom(state.discovery, method.response ?? {}, body, method.id));
  sendJson(google.response, 200, body);
}
