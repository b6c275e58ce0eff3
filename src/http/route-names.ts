/** Segments in lower case, without empty ones: a path joined from two parts often has a doubled slash. */
const segmentsOf = (path: string): string[] =>
  path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => segment.toLowerCase());

const isParameter = (segment: string): boolean => segment.startsWith(':');

const matches = (route: readonly string[], path: readonly string[]): boolean =>
  route.length === path.length && route.every((segment, at) => isParameter(segment) || segment === path[at]);

/** Possible meanings of an unknown path: unchanged, without a doubled version, with the version, in the plural. */
const readings = (path: readonly string[]): string[][] => {
  const [first, second] = path;
  const single = first === second ? path.slice(1) : path;
  const versioned = first === 'v1' ? [...single] : ['v1', ...single];
  const plural = versioned.map((segment, at) => (at === 1 && !segment.endsWith('s') ? `${segment}s` : segment));
  return [[...path], [...single], versioned, plural];
};

/**
 * Finds the route that an unknown path probably means: `/v1/files` for `//v1/files`, `/v1/files/` and `/v1/file`.
 * @param routes in Hono's syntax, such as `/v1/uploads/:id/complete`
 * @returns the route for people to read, such as `/v1/uploads/ID/complete`; undefined if none is similar
 */
export const nearestRoute = (path: string, routes: readonly string[]): string | undefined => {
  const segments = segmentsOf(path);
  for (const reading of readings(segments)) {
    const found = routes.find((route) => matches(segmentsOf(route), reading));
    if (found !== undefined) return found.replace(/:\w+/g, (parameter) => parameter.slice(1).toUpperCase());
  }
  return undefined;
};

/** The label of a path in metrics: its route, or `other`, so that the number of labels stays small. */
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
