// Sends what a program means for Google to the local Google instead (LOCAL_GOOGLE_ORIGIN), by way of `fetch`: loaded with
// `node --import` before a handler that knows nothing of it.
const origin = process.env.LOCAL_GOOGLE_ORIGIN;
const original = globalThis.fetch;

globalThis.fetch = (input, init) => {
  const url = new URL(input instanceof Request ? input.url : String(input));
  if (!/(^|\.)googleapis\.com$/.test(url.hostname)) return original(input, init);
  const address = `${origin}/${url.hostname}${url.pathname}${url.search}`;
  return original(input instanceof Request ? new Request(address, input) : address, init);
};
