import { withFields } from '../../log.ts';
import type { CourierContext } from '../environment.ts';
import { traceFields } from './request-log.ts';
import type { Services } from '../services.ts';

/** What a path is called in metrics, which must stay few: its route, or `other`. */
export const createRouteNames = (paths: readonly string[]): ((path: string) => string) => {
  const routes = [...new Set(paths)].map((path) => ({ path, segments: path.split('/') }));
  return (path) => {
    const segments = path.split('/');
    const route = routes.find(
      (known) =>
        known.segments.length === segments.length &&
        known.segments.every((segment, index) =>
          segment.startsWith(':') ? segments[index] !== '' : segment === segments[index],
        ),
    );
    return route?.path ?? 'other';
  };
};

/** Runs a request inside its trace: every log line says which it is, and its span, where there is telemetry, is below the caller's. */
export const inTrace = (
  { project, telemetry }: Services,
  context: CourierContext,
  route: string,
  next: () => Promise<void>,
): Promise<unknown> => {
  const { trace } = context.var;
  return withFields(traceFields(trace, project), () => {
    if (telemetry === undefined) return next();
    return telemetry.request({ method: context.req.method, route, ...trace }, async () => {
      await next();
      return context.res;
    });
  });
};
