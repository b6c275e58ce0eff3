import type { GoogleCall } from '../../google-service.ts';
import type { Route } from '../discovery/discovery.ts';
import { notImplemented, required } from '../errors.ts';
import { defaultFields, needsFields } from '../fields/defaults.ts';
import { ALL, type Mask, parseFields } from '../fields/parse.ts';
import type { DriveState } from '../store/state.ts';
import { authorize } from './authorize.ts';
import { checkBody, parseJson, readAll } from './body.ts';
import { type DriveCall, isDownload } from './call.ts';
import { readParameters } from './parameters.ts';

/** Rejects parameters that change the meaning of a call and are not implemented here. */
const checkHere = (methodId: string, { parameters }: Pick<DriveCall, 'parameters'>): void => {
  for (const name of ['useDomainAdminAccess', 'enforceExpansiveAccess'])
    if (parameters.flag(name)) throw notImplemented(methodId, `${name}=true`);
  if (parameters.text('alt') === 'proto') throw notImplemented(methodId, 'alt=proto');
  if (parameters.text('callback') !== undefined) throw notImplemented(methodId, 'callback');
};

const maskOf = (state: DriveState, { method }: Route, fields: string | undefined): Mask => {
  const schema = method.response?.$ref;
  if (schema === undefined) return ALL;
  if ((fields ?? '') === '' && needsFields(method.id))
    throw required('fields', "The 'fields' parameter is required for this method.");
  return parseFields(state.discovery, schema, fields ?? defaultFields(schema));
};

/**
 * Authorizes a request, reads its parameters and charges its quota units.
 * @throws DriveError 400, 401, 403, 429
 */
export function incomingCall(state: DriveState, google: GoogleCall, route: Route): DriveCall {
  const { method, form, path } = route;
  const download = isDownload({
    form,
    parameters: { text: (name) => google.url.searchParams.get(name) ?? undefined, flag: () => false, number: () => 0 },
  });
  const grant = authorize(state.context, google, method, download || form === 'upload');
  const parameters = readParameters(method, google.url.searchParams, form === 'upload');
  checkHere(method.id, { parameters });
  const mask = maskOf(state, route, parameters.text('fields'));
  state.quota.charge(grant, method.id, download && method.supportsMediaDownload === true);
  const account = state.account(grant.email, grant.kind);
  return {
    google,
    method,
    form,
    path,
    parameters,
    mask,
    grant,
    // Google identifies an app by its Cloud project (guides/api-specific-auth: "the app's project").
    actor: { account, app: grant.project, scopes: grant.scopes },
    supportsAllDrives: parameters.flag('supportsAllDrives') || parameters.flag('supportsTeamDrives'),
    body: async () => {
      const body = parseJson(await readAll(google.request));
      if (method.request !== undefined) checkBody(state.discovery, method.request.$ref, body);
      return body;
    },
  };
}
