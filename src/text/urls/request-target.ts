/** Where a request goes, in the options of node:http. */
export interface RequestTarget {
  /** Agents for proxies decide by it whether to use TLS, and which sockets can be used again. */
  protocol: string;
  hostname: string;
  /** Empty for the protocol's own port. */
  port: string;
  /** With the query. */
  path: string;
  /** `user:password`, if the URL has them. */
  auth: string | undefined;
}

/**
 * The parts of a URL that a request needs. Node copies its options several times, and those that it makes from a URL itself
 * have more members, in an object without a prototype.
 */
export const requestTarget = ({
  protocol,
  hostname,
  port,
  pathname,
  search,
  username,
  password,
}: URL): RequestTarget => ({
  protocol,
  // Brackets around an IPv6 address are not a part of it.
  hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
  port,
  path: `${pathname}${search}`,
  auth:
    username === '' && password === '' ? undefined : `${decodeURIComponent(username)}:${decodeURIComponent(password)}`,
});
