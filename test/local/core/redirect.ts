/** A `fetch` that sends requests for Google to the local Google. Other requests may go only to loopback. */
export function redirectedFetch(origin: string, through: typeof fetch = fetch): typeof fetch {
  return (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.hostname === '127.0.0.1') return through(input, init);
    const address = `${origin}/${url.host}${url.pathname}${url.search}`;
    return through(input instanceof Request ? new Request(address, input) : address, init);
  };
}

/** Options with which google-auth-library's clients use the local Google. */
export const transporterOptions = (origin: string) => ({ fetchImplementation: redirectedFetch(origin), retry: false });

/** Status and parsed body of one request. */
export async function ask(
  address: string,
  init: RequestInit = {},
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(address, init);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text },
  };
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

export const form = (members: Record<string, string>): RequestInit => ({
  method: 'POST',
  body: new URLSearchParams(members),
});

export const jsonBody = (value: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json', ...headers },
});
