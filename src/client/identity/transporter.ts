import type { Rewrite } from '../google-origin.ts';

/** What google-auth-library's clients take to reach Google, or what stands in for it. */
export const transporterOptions = (rewrite: Rewrite) => ({
  fetchImplementation: ((input, init) =>
    fetch(
      input instanceof Request ? new Request(rewrite(input.url), input) : rewrite(String(input)),
      init,
    )) as typeof fetch,
});
