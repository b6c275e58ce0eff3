import { withoutTrailingSlashes } from '../text/trailing-slashes.ts';

/** The audience for a courier's URL: without the slash or line break that configuration values often end with. */
export const audienceOfUrl = (url: string | URL): string => withoutTrailingSlashes(String(url).trim());
