import type { GoogleCall, Grant, ServiceContext } from '../../google-service.ts';
import type { MethodDescription } from '../discovery/discovery.ts';
import { DriveError } from '../errors.ts';

const API = 'drive.googleapis.com';

const info = (reason: string, metadata: Record<string, string>): unknown[] => [
  { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com', metadata },
];

/** `drive.files.list` is `google.apps.drive.v3.DriveFiles.List` in error details. */
const rpcName = (methodId: string): string => {
  const [, resource = '', verb = ''] = methodId.split('.');
  const upper = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
  return `google.apps.drive.v3.Drive${upper(resource)}.${upper(verb)}`;
};

const unauthenticated = (message: string, reason: string, methodId: string, detail: string): DriveError =>
  new DriveError(401, message, {
    reason,
    message: reason === 'required' ? 'Login Required.' : 'Invalid Credentials',
    location: 'Authorization',
    locationType: 'header',
    status: 'UNAUTHENTICATED',
    details: info(detail, { service: API, method: rpcName(methodId) }),
    headers: { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' },
  });

const EXPECTED =
  'Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.';

const tokenOf = (call: GoogleCall): string | undefined => {
  const bearer = /^Bearer +(\S+)$/i.exec(call.request.headers.authorization ?? '');
  return (
    bearer?.[1] ?? call.url.searchParams.get('access_token') ?? call.url.searchParams.get('oauth_token') ?? undefined
  );
};

/** Metadata scopes allow neither downloads nor uploads. Source: guides/api-specific-auth. */
const NO_BYTES = /\/auth\/drive\.(metadata(\.readonly)?)$/;

/**
 * Finds the caller and checks that the token may call this method.
 * @param movesBytes true for a download or an upload, which metadata scopes do not allow
 * @throws DriveError 401 `required`/`authError`, 403 `insufficientPermissions`, 403 `accessNotConfigured`
 */
export function authorize(
  context: ServiceContext,
  call: GoogleCall,
  method: MethodDescription,
  movesBytes: boolean,
): Grant {
  const token = tokenOf(call);
  if (token === undefined)
    throw unauthenticated(
      `Request is missing required authentication credential. ${EXPECTED}`,
      'required',
      method.id,
      'CREDENTIALS_MISSING',
    );
  const grant = context.tokens.find(token);
  if (grant === undefined)
    throw unauthenticated(
      `Request had invalid authentication credentials. ${EXPECTED}`,
      'authError',
      method.id,
      'ACCESS_TOKEN_EXPIRED',
    );
  const scopes = method.scopes.filter((scope) => !movesBytes || !NO_BYTES.test(scope));
  if (!grant.scopes.some((scope) => scopes.includes(scope)))
    throw new DriveError(403, 'Request had insufficient authentication scopes.', {
      reason: 'insufficientPermissions',
      message: 'Insufficient Permission',
      status: 'PERMISSION_DENIED',
      details: info('ACCESS_TOKEN_SCOPE_INSUFFICIENT', { service: API, method: rpcName(method.id) }),
      headers: { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"' },
    });
  if (!context.isApiEnabled(grant.project, API)) throw accessNotConfigured(grant.project);
  return grant;
}

const accessNotConfigured = (project: string): DriveError =>
  new DriveError(
    403,
    `Google Drive API has not been used in project ${project} before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/${API}/overview?project=${project} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.`,
    {
      reason: 'accessNotConfigured',
      domain: 'usageLimits',
      status: 'PERMISSION_DENIED',
      details: info('SERVICE_DISABLED', { service: API, consumer: `projects/${project}` }),
    },
  );
