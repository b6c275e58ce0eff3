import type { Config } from '../../config/config.ts';
import { isLoopback } from '../../text/urls/hosts.ts';
import { withoutTrailingSlashes } from '../../text/urls/trailing-slashes.ts';

/** The audiences that are URLs: on Cloud Run an audience is the service's URL, unless the operator chose another. */
export const urlsIn = ({ audiences }: Pick<Config, 'audiences'>): URL[] =>
  audiences
    .filter((audience) => /^https?:\/\//.test(audience) && URL.canParse(audience))
    .map((audience) => new URL(audience));

/**
 * The configured URLs to which the doctor may send requests: https only. With COURIER_GOOGLE_ORIGIN, loopback only, so that
 * nothing leaves the machine.
 */
export const requestableUrls = (config: Pick<Config, 'audiences' | 'googleOrigin'>): URL[] =>
  urlsIn(config).filter(({ protocol, hostname, username }) => {
    if (username !== '') return false;
    return config.googleOrigin === undefined ? protocol === 'https:' : isLoopback(hostname);
  });

/** A route of the service below one of its URLs. The URL of a function has a path of its own. */
export const routeAt = ({ origin, pathname }: URL, route: string): string =>
  `${origin}${withoutTrailingSlashes(pathname)}${route}`;

/** "https://SERVICE-PROJECT_NUMBER.REGION.run.app" (run/docs/triggering/https-request#deterministic). */
export const regionOf = ({ hostname }: URL): string | undefined =>
  /^[^.]+\.([a-z]+-[a-z]+\d+)\.run\.app$/.exec(hostname)?.[1];
