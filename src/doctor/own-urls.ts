import type { Config } from '../config/config.ts';
import { withoutTrailingSlashes } from '../text/trailing-slashes.ts';

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** The audiences that are addresses: on Cloud Run an audience is the service's URL, unless the operator made up another. */
export const urlsIn = ({ audiences }: Pick<Config, 'audiences'>): URL[] =>
  audiences
    .filter((audience) => /^https?:\/\//.test(audience) && URL.canParse(audience))
    .map((audience) => new URL(audience));

/**
 * Where this service may be asked, of all that the configuration names: over https alone. Where development has put a Google
 * of its own in Google's place, on loopback alone, so that nothing leaves the machine.
 */
export const askableUrls = (config: Pick<Config, 'audiences' | 'googleOrigin'>): URL[] =>
  urlsIn(config).filter(({ protocol, hostname, username }) => {
    if (username !== '') return false;
    return config.googleOrigin === undefined ? protocol === 'https:' : LOOPBACK.has(hostname);
  });

/** A route of the service below one of its addresses: functions have a path of their own before it. */
export const routeAt = ({ origin, pathname }: URL, route: string): string =>
  `${origin}${withoutTrailingSlashes(pathname)}${route}`;

/** "https://SERVICE-PROJECT_NUMBER.REGION.run.app" (run/docs/triggering/https-request#deterministic). */
export const regionOf = ({ hostname }: URL): string | undefined =>
  /^[^.]+\.([a-z]+-[a-z]+\d+)\.run\.app$/.exec(hostname)?.[1];
