/** Whose token a call is sent with. */
export interface Bearer {
  token(): Promise<string>;
  /** Called with a token that Google rejected (401), where a new one can be issued. */
  rejected?: ((token: string) => void) | undefined;
  /** The email of the identity, for remedies; undefined if it is not known (yet). */
  account?: (() => string | undefined) | undefined;
}

/**
 * Makes a call with the bearer's token, and retries it once with a new token if the answer is 401: a token may be revoked
 * or rotated before it expires.
 */
export const callWithBearer = async <Result extends { status: number }>(
  bearer: Bearer,
  call: (token: string) => Promise<Result>,
): Promise<Result> => {
  const first = await bearer.token();
  const result = await call(first);
  if (result.status !== 401 || bearer.rejected === undefined) return result;
  bearer.rejected(first);
  return call(await bearer.token());
};

/** A stream can be sent only once, so it cannot be sent again after a 401. */
const isReplayable = (body: unknown): boolean =>
  body === undefined || body === null || typeof body === 'string' || body instanceof Uint8Array;

/** A `fetch` that sends the bearer's token with each request. */
export const createAuthorizedFetch =
  (fetch: typeof globalThis.fetch, { token, rejected }: Bearer): typeof globalThis.fetch =>
  (input, init) =>
    callWithBearer({ token, rejected: isReplayable(init?.body) ? rejected : undefined }, (value) => {
      const headers = new Headers(init?.headers);
      headers.set('authorization', `Bearer ${value}`);
      return fetch(input, { ...init, headers });
    });
