/**
 * A URL or path without the slashes at its end. Written by hand, because a pattern for it takes quadratic time, or cannot be
 * proven not to.
 */
export const withoutTrailingSlashes = (text: string): string => {
  let end = text.length;
  while (end > 0 && text[end - 1] === '/') end -= 1;
  return text.slice(0, end);
};
