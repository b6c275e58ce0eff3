import type { AuthClient } from 'google-auth-library';
import type { GoogleFetch } from '../http/google-fetch.ts';

/** Makes google-auth-library's clients use the given fetch. */
export const transporterOptions = (fetch: GoogleFetch) => ({ fetchImplementation: fetch });

/** The library's clients for federated identities exchange tokens with another transporter. This gives them ours. */
export const routeTokenExchange = <Client extends AuthClient>(client: Client): Client => {
  const exchange: unknown = Reflect.get(client, 'stsCredential');
  if (typeof exchange === 'object' && exchange !== null) Object.assign(exchange, { transporter: client.transporter });
  return client;
};
