import { withoutTrailingSlashes } from '../text/urls/trailing-slashes.ts';

/** The audience for a courier's URL: without the slash or line break that configuration values often end with. */
export const audienceOfUrl = (url: string | URL): string => withoutTrailingSlashes(String(url).trim());

/** True for a URL with a user name or a password, which would be printed with it. Couriers accept only ID tokens. */
export const hasUserInfo = (url: string | URL): boolean => {
  if (!URL.canParse(String(url))) return false;
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
};
