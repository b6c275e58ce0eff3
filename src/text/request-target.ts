/** Where a request goes, in the options of node:http. */
export interface RequestTarget {
  hostname: string;
  /** Empty for the protocol's own port. */
  port: string;
  /** With the query. */
  path: string;
}

/**
 * The parts of a URL that a request needs. Node copies its options several times, and those that it makes from a URL itself
 * have twelve members.
 */
export const requestTarget = ({ hostname, port, pathname, search }: URL): RequestTarget => ({
  // Brackets around an IPv6 address are not a part of it.
  hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
  port,
  path: `${pathname}${search}`,
});
