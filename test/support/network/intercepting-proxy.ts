import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateCACertificate, getLocal } from 'mockttp';

/**
 * A proxy that intercepts TLS with its own certificate authority, for programs whose Google addresses cannot be
 * changed.
 */
interface InterceptingProxy {
  /** The value for `HTTPS_PROXY`. */
  url: string;
  /** The path of the authority's certificate in PEM, which only the test trusts. */
  authority: string;
  close(): Promise<void>;
}

/** For every requested host the response comes from `origin`, which sees that host in its `Host` header. */
export async function startInterceptingProxy(origin: string): Promise<InterceptingProxy> {
  const { key, cert } = await generateCACertificate();
  const folder = mkdtempSync(join(tmpdir(), 'proxy-'));
  const authority = join(folder, 'authority.pem');
  writeFileSync(authority, cert);
  const proxy = getLocal({ https: { key, cert }, recordTraffic: false, http2: false });
  await proxy.start(0);
  await proxy.forAnyRequest().thenPassThrough({
    transformRequest: {
      setProtocol: 'http',
      replaceHost: { targetHost: new URL(origin).host, updateHostHeader: false },
    },
  });
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    authority,
    async close() {
      await proxy.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
