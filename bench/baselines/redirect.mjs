// Redirects requests for Google to the local Google (LOCAL_GOOGLE_ORIGIN) by replacing `fetch`. It is loaded with `node
// --import` before the handler, which is unchanged.
const origin = process.env.LOCAL_GOOGLE_ORIGIN;
const original = globalThis.fetch;

globalThis.fetch = (input, init) => {
  const url = new URL(input instanceof Request ? input.url : String(input));
  if (!/(^|\.)googleapis\.com$/.test(url.hostname)) return original(input, init);
  const address = `${origin}/${url.hostname}${url.pathname}${url.search}`;
  return original(input instanceof Request ? new Request(address, input) : address, init);
};
