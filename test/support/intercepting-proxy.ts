import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateCACertificate, getLocal } from 'mockttp';

/** A proxy that opens TLS with an authority of its own, for programs whose Google cannot be moved. */
interface InterceptingProxy {
  /** What `HTTPS_PROXY` takes. */
  url: string;
  /** Path of the authority's certificate, in PEM; nobody else trusts it. */
  authority: string;
  close(): Promise<void>;
}

/** Whatever host is asked for, the answer comes from `origin`, which sees the host in its `Host` header. */
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
