/**
 * A JSON response. Its headers stay a plain object, since a Headers object costs more than the rest of the response.
 * @param headers may contain another `Content-Type`
 */
export const jsonResponse = (value: unknown, status: number, headers?: Readonly<Record<string, string>>): Response =>
  new Response(JSON.stringify(value), { status, headers: { 'Content-Type': 'application/json', ...headers } });
