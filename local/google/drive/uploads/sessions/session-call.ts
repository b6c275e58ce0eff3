import type { GoogleCall } from '../../../google-service.ts';
import type { DriveCall } from '../../call/call.ts';
import { readParameters } from '../../call/parameters.ts';
import { defaultFields } from '../../fields/defaults.ts';
import { parseFields } from '../../fields/parse.ts';
import type { DriveState } from '../../store/state.ts';
import type { SessionRecord } from './sessions.ts';

/**
 * Restores the call that opened the session, with its caller, parameters and fields, for the request that finishes it.
 */
export function sessionCall(state: DriveState, record: SessionRecord, google: GoogleCall): DriveCall {
  const { discovery } = state;
  const url = new URL(record.url);
  const route = discovery.match(record.httpMethod, url.pathname);
  if (route === undefined) throw new Error(`No method matches the session's ${record.httpMethod} ${url.pathname}`);
  const { method, path, form } = route;
  const parameters = readParameters(method, url.searchParams, true);
  const schema = method.response?.$ref ?? '';
  return {
    google,
    method,
    form,
    path,
    parameters,
    mask: parseFields(discovery, schema, parameters.text('fields') ?? defaultFields(schema)),
    grant: record.grant,
    actor: {
      account: state.account(record.grant.email, record.grant.kind),
      app: record.app,
      scopes: record.grant.scopes,
    },
    supportsAllDrives: record.supportsAllDrives,
    body: () => Promise.resolve(record.metadata),
  };
}
