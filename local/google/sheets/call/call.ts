import { hasRole, isAppAllowed, isMemberOfGroup, roleOf } from '../../drive/access/access.ts';
import type { MethodDescription } from '../../drive/discovery/discovery.ts';
import { DriveError } from '../../drive/errors.ts';
import { ALL, type Mask, parseFields } from '../../drive/fields/parse.ts';
import { SPREADSHEET } from '../../drive/files/spreadsheets.ts';
import type { Actor, StoredFile } from '../../drive/model.ts';
import type { GoogleCall } from '../../google-service.ts';
import { rpcError } from '../../http/api-error.ts';
import { authorizeRpc } from '../../http/rpc-authorize.ts';
import { notFound, notImplemented, permissionDenied } from '../errors.ts';
import type { SheetsState } from '../state.ts';
import { readBody } from './body.ts';
import { rpcName } from './names.ts';
import { type Parameters, readParameters } from './parameters.ts';

/** An authorized call of a method. */
export interface SheetsCall {
  google: GoogleCall;
  method: MethodDescription;
  path: Record<string, string>;
  parameters: Parameters;
  mask: Mask;
  /** True when the caller chose the fields. */
  hasFields: boolean;
  actor: Actor;
  body(): Promise<Record<string, unknown>>;
}

export type Method = (state: SheetsState, call: SheetsCall) => Promise<unknown> | unknown;

const SHEETS_SCOPE = /\/auth\/spreadsheets(\.readonly)?$/;

/** GET requests and searches count as reads: sheets/api/limits. */
const kindOf = ({ id, httpMethod }: MethodDescription): 'Read' | 'Write' =>
  httpMethod === 'GET' || /\.(getByDataFilter|batchGetByDataFilter|search)$/.test(id) ? 'Read' : 'Write';

const maskOf = ({ discovery }: SheetsState, { response }: MethodDescription, fields: string | undefined): Mask => {
  if (response === undefined || !fields) return ALL;
  try {
    // Sheets accepts dots between names, too: `fields=sheets.properties.title`.
    return parseFields(discovery, response.$ref, fields.replaceAll('.', '/'));
  } catch (error) {
    if (!(error instanceof DriveError)) throw error;
    throw rpcError('INVALID_ARGUMENT', 'Request contains an invalid argument.', [
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [
          {
            field: fields,
            description: `Error expanding 'fields' parameter. Cannot find matching fields for path '${fields}'.`,
          },
        ],
      },
    ]);
  }
};

/** @throws ApiError 400, 401, 403, 429, 501 */
export function incomingCall(
  state: SheetsState,
  google: GoogleCall,
  { method, path }: { method: MethodDescription; path: Record<string, string> },
): SheetsCall {
  const { id: methodId, scopes } = method;
  const holder = authorizeRpc(google, state.world, { title: 'Google Sheets API', method: rpcName(methodId), scopes });
  if (holder.kind === 'federated') throw permissionDenied();
  const parameters = readParameters(method, google.url.searchParams);
  const fields = parameters.text('fields');
  if ((parameters.text('alt') ?? 'json') !== 'json')
    throw notImplemented(`${methodId} with alt=${parameters.text('alt')}`);
  if (parameters.text('callback') !== undefined) throw notImplemented(`${methodId} with a callback`);
  state.quota.charge({ email: holder.email, project: state.world.project.number }, kindOf(method));
  const account = state.drive.account(holder.email, holder.kind);
  return {
    google,
    method,
    path,
    parameters,
    mask: maskOf(state, method, fields),
    hasFields: Boolean(fields),
    // Only these scopes count: one that the method does not list gives no access through Sheets.
    actor: { account, app: holder.project, scopes: holder.scopes.filter((scope) => scopes.includes(scope)) },
    body: () => readBody(state.discovery, method.request?.$ref ?? '', google.request, state.limits.requestBytes),
  };
}

/** A spreadsheet that the caller may see, and what they may do with it. */
export interface Opened {
  file: StoredFile;
  mayEdit: boolean;
  /** Owners, and managers of a shared drive. */
  isOwner: boolean;
}

/**
 * Finds the spreadsheet of a call by the permissions of its Drive file.
 * @throws ApiError 404 for a file that does not exist, or that the app did not create (`drive.file`); 403 for one that is not
 * shared with the account; 400 for a file of another type
 */
export function openSpreadsheet(state: SheetsState, { actor }: Pick<SheetsCall, 'actor'>, id: string): Opened {
  const file = state.drive.store.files.get(id);
  if (file === undefined || file.kind !== 'item') throw notFound();
  if (!actor.scopes.some((scope) => SHEETS_SCOPE.test(scope)) && !isAppAllowed(actor, file)) throw notFound();
  const role = roleOf(state.drive, actor.account, file);
  if (role === undefined) throw permissionDenied();
  if (file.mimeType !== SPREADSHEET)
    throw rpcError('FAILED_PRECONDITION', 'This operation is not supported for this document');
  return { file, mayEdit: hasRole(role, 'writer'), isOwner: role === 'owner' || role === 'organizer' };
}

/**
 * A content restriction keeps everybody from "making content edits" (drive/api/guides/content-restrictions). The answer of
 * the Sheets API is not documented. It is assumed to be the one for other missing rights to edit.
 * @throws ApiError 403 when the caller may only read it
 */
export function openForChange(state: SheetsState, call: Pick<SheetsCall, 'actor'>, id: string): Opened {
  const opened = openSpreadsheet(state, call, id);
  if (!opened.mayEdit || opened.file.contentRestriction !== undefined) throw permissionDenied();
  return opened;
}

/** The groups that a person is a member of. */
export const groupsOf = (state: SheetsState, email: string): string[] =>
  [...state.drive.store.groups.all()]
    .map((group) => group.email)
    .filter((group) => isMemberOfGroup(state.drive, group, email));
