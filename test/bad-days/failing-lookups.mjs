// Loaded ahead of the courier (--import): names are not found, as with a resolver that does not answer, until SIGUSR2; and again at the next.
// In place of a broken resolver, for this must not depend on the machine's, nor reach it.
import dns from 'node:dns';

let failing = process.env.LOOKUPS_FAIL === 'true';
const { lookup } = dns;

process.on('SIGUSR2', () => {
  failing = !failing;
  console.log(`lookups ${failing ? 'fail' : 'work'}`);
});

dns.lookup = (hostname, options, callback) => {
  const done = typeof options === 'function' ? options : callback;
  if (!failing) return lookup(hostname, options, callback);
  const error = Object.assign(new Error(`getaddrinfo EAI_AGAIN ${hostname}`), {
    ...{ errno: -3001, code: 'EAI_AGAIN', syscall: 'getaddrinfo', hostname },
  });
  setImmediate(() => done(error));
  return {};
};
