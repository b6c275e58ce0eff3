import type { AuthClient } from 'google-auth-library';
import type { GoogleFetch } from '../google-fetch.ts';

/** What google-auth-library's clients take to reach Google, or what stands in for it. */
export const transporterOptions = (fetch: GoogleFetch) => ({ fetchImplementation: fetch });

/** The library's clients for federated identities exchange tokens with a sender of their own; they are given ours. */
export const routeTokenExchange = <Client extends AuthClient>(client: Client): Client => {
  const exchange: unknown = Reflect.get(client, 'stsCredential');
  if (exchange instanceof Object) Object.assign(exchange, { transporter: client.transporter });
  return client;
};
