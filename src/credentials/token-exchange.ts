import type { AuthClient } from 'google-auth-library';

/** The library's clients for federated workloads call the Security Token Service with a sender of their own; they are given ours. */
export const routeTokenExchange = (client: AuthClient): void => {
  const exchange: unknown = Reflect.get(client, 'stsCredential');
  if (exchange instanceof Object) Object.assign(exchange, { transporter: client.transporter });
};
