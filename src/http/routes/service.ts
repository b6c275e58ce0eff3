import { CourierError } from '../../errors.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { jsonResponse } from '../json-response.ts';
import { isCallerDisconnected } from '../request/incoming-request.ts';
import { type CourierContext, rejectWhenStopping } from '../request-context.ts';

/** Concurrent responses of `GET /openapi.json`: it is long, needs no token, and slow readers keep it in memory. */
const MAX_CONCURRENT_DESCRIPTIONS = 64;

/** `GET /v1/health`: the process is alive. It calls no other service. */
export const createHealthHandler = ({
  version,
  commit,
  ledgerKind,
}: Pick<HttpDependencies, 'version' | 'commit' | 'ledgerKind'>) => {
  const once = ledgerKind === 'memory' ? { once: 'instance' } : {};
  return async (): Promise<Response> => jsonResponse({ ok: true, version, commit, ledger: ledgerKind, ...once }, 200);
};

/** `GET /v1/ready`: 200 when deliveries would succeed, else 503 with the findings. */
export const createReadyHandler =
  (dependencies: Pick<HttpDependencies, 'ready' | 'stopping'>) => async (): Promise<Response> => {
    rejectWhenStopping(dependencies);
    const readiness = await dependencies.ready();
    return readiness.ok ? jsonResponse(readiness, 200) : jsonResponse(readiness, 503, { 'Retry-After': '10' });
  };

/** `GET /openapi.json`: the OpenAPI document, which is generated at the first request. */
export const createDescriptionHandler = ({ version }: Pick<HttpDependencies, 'version'>) => {
  let description: Promise<string> | undefined;
  let concurrent = 0;
  return async (context: CourierContext): Promise<Response> => {
    if (concurrent >= MAX_CONCURRENT_DESCRIPTIONS) throw new CourierError('busy', { retryAfterSeconds: 2 });
    // The response of a caller that has already disconnected never emits "close".
    if (!isCallerDisconnected(context.env)) {
      concurrent += 1;
      context.env.outgoing.once('close', () => {
        concurrent -= 1;
      });
    }
    description ??= import('../openapi/openapi.ts').then(({ openApiDocument }) =>
      JSON.stringify(openApiDocument(version)),
    );
    const headers = { 'Content-Type': 'application/json' };
    return new Response(await description, { headers });
  };
};
