/** Segments in lower case, without empty ones: how a path reads that somebody has put together from two halves. */
const segmentsOf = (path: string): string[] =>
  path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => segment.toLowerCase());

const isParameter = (segment: string): boolean => segment.startsWith(':');

const matches = (route: readonly string[], path: readonly string[]): boolean =>
  route.length === path.length && route.every((segment, at) => isParameter(segment) || segment === path[at]);

/** Ways to read a path that no route has: as it is, without a doubled version, with the version, in the plural. */
const readings = (path: readonly string[]): string[][] => {
  const [first, second] = path;
  const single = first === second ? path.slice(1) : path;
  const versioned = first === 'v1' ? [...single] : ['v1', ...single];
  const plural = versioned.map((segment, at) => (at === 1 && !segment.endsWith('s') ? `${segment}s` : segment));
  return [[...path], [...single], versioned, plural];
};

/**
 * The route that a path without one is most likely meant to be: `//v1/files`, `/v1/files/` and `/v1/file` for `/v1/files`.
 * @param routes as Hono writes them, `/v1/uploads/:id/complete`
 * @returns as people write them, `/v1/uploads/ID/complete`; undefined where nothing is near
 */
export const nearestRoute = (path: string, routes: readonly string[]): string | undefined => {
  const segments = segmentsOf(path);
  for (const reading of readings(segments)) {
    const found = routes.find((route) => matches(segmentsOf(route), reading));
    if (found !== undefined) return found.replace(/:\w+/g, (parameter) => parameter.slice(1).toUpperCase());
  }
  return undefined;
};

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
