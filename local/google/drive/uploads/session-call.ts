import type { GoogleCall } from '../../google-service.ts';
import type { DriveCall } from '../call/call.ts';
import { readParameters } from '../call/parameters.ts';
import { defaultFields } from '../fields/defaults.ts';
import { parseFields } from '../fields/parse.ts';
import type { DriveState } from '../store/state.ts';
import type { SessionRecord } from './sessions.ts';

/** The call that opened the session, as it stands for the request that finishes it: its person, its parameters, its fields. */
export function sessionCall(state: DriveState, record: SessionRecord, google: GoogleCall): DriveCall {
  const { discovery } = state;
  const url = new URL(record.url);
  const route = discovery.match(record.httpMethod, url.pathname);
  if (route === undefined) throw new Error(`A session of ${record.httpMethod} ${url.pathname}, which is no method`);
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
