/** True for the names and addresses of this machine, as `URL.hostname` has them. */
export const isLoopback = (hostname: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
