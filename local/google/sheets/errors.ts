import { type ApiError, rpcError } from '../http/api-error.ts';

/** Google's errors of Sheets have `code`, `message`, `status` and sometimes `details`, but no `errors`. */
export const invalidArgument = (message: string): ApiError => rpcError('INVALID_ARGUMENT', message);

/** A request of a batch that cannot be applied. The batch adds which one it is. */
export class InvalidRequest extends Error {}

/** For features of the real Sheets that this one lacks. */
export const notImplemented = (what: string): ApiError =>
  rpcError('UNIMPLEMENTED', `Not implemented by the local Google: ${what}.`);

export const notFound = (): ApiError => rpcError('NOT_FOUND', 'Requested entity was not found.');

export const permissionDenied = (): ApiError => rpcError('PERMISSION_DENIED', 'The caller does not have permission');

export const cannotParse = (range: string): ApiError => invalidArgument(`Unable to parse range: ${range}`);
