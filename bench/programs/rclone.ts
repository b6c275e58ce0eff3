import { freePort } from '../../local/free-port.ts';
import { startInterceptingProxy } from '../../test/support/network/intercepting-proxy.ts';
import { findRclone } from '../../test/support/processes/programs.ts';
import type { Running } from './contenders.ts';
import type { Load } from '../load.ts';
import { type GoogleProcess, launch } from './processes.ts';

/** A program that accepts files in its own format. */
interface FormContender {
  name: string;
  run(options: { core?: number }): Promise<Running>;
  /** The request that puts a file with these bytes into the folder. */
  load(url: string, file: Uint8Array): Pick<Load, 'url' | 'headers' | 'body' | 'status'>;
}

const REMOTE = 'reports:';
/** Its own rate limits are disabled, since the other contenders have none. */
const FLAGS = [
  '--drive-pacer-min-sleep=1ms',
  '--drive-pacer-burst=1000',
  '--rc-no-auth',
  '--config=',
  // Otherwise it logs for each file which of its statistics it drops.
  '--max-stats-groups=1000000',
];
const PATIENCE_MS = 30_000;
const BOUNDARY = 'bench-rclone-boundary';

const formOf = (name: string, file: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(
      `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: text/csv\r\n\r\n`,
    ),
    file,
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);

/** The remote "reports" is in the local Google. Google's addresses cannot be configured in rclone, so the proxy redirects them. */
export const rcloneEnvironment = (
  google: GoogleProcess,
  proxy: { url: string; authority: string },
): Record<string, string> => ({
  HTTPS_PROXY: proxy.url,
  RCLONE_CA_CERT: proxy.authority,
  RCLONE_CONFIG_REPORTS_TYPE: 'drive',
  RCLONE_CONFIG_REPORTS_SCOPE: 'drive',
  RCLONE_CONFIG_REPORTS_TEAM_DRIVE: google.places.sharedDrive,
  RCLONE_CONFIG_REPORTS_SERVICE_ACCOUNT_FILE: google.keyFiles.courier ?? '',
});

const isAnswered = (url: string): Promise<boolean> =>
  fetch(`${url}/rc/noop`, { method: 'POST' }).then(
    ({ ok }) => ok,
    () => false,
  );

/**
 * Baseline "rclone": `rclone rcd`, whose `operations/uploadfile` accepts a form and puts its file into Drive. It
 * authenticates no caller, and always checks whether the name exists. It is the only contender that uses TLS to Google:
 * its Google addresses cannot be configured, so a proxy in the benchmark's process redirects them. Undefined if rclone
 * is not installed.
 */
export const rcloneContender = async (google: GoogleProcess): Promise<FormContender | undefined> => {
  const program = findRclone();
  if (program === undefined) {
    console.warn('SKIPPED: no rclone here (Debian: rclone), so nobody is measured against it.');
    return undefined;
  }
  let serial = 0;
  return {
    name: `rclone ${program.version}`,
    async run({ core }) {
      const proxy = await startInterceptingProxy(google.origin);
      const port = await freePort();
      const started = launch(['rcd', `--rc-addr=127.0.0.1:${port}`, ...FLAGS], {
        command: program.command,
        env: rcloneEnvironment(google, proxy),
        ...(core === undefined ? {} : { core }),
      });
      started.child.stdout?.resume();
      const stop = async (): Promise<void> => {
        await started.stop();
        await proxy.close();
      };
      const url = `http://127.0.0.1:${port}`;
      const endMs = Date.now() + PATIENCE_MS;
      while (!(await isAnswered(url))) {
        if (Date.now() > endMs || started.child.exitCode !== null) {
          await stop();
          throw new Error('rclone does not answer');
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return { ...started, stop, url };
    },
    load: (url, file) => ({
      url: () => `${url}/operations/uploadfile?fs=${encodeURIComponent(REMOTE)}&remote=`,
      headers: () => ({ 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }),
      body: () => formOf(`rclone-${serial++}.csv`, file),
      status: 200,
    }),
  };
};
