import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { LocalGoogle } from '../../../local/google/server.ts';
import { startInterceptingProxy } from '../network/intercepting-proxy.ts';

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * The unmodified rclone, whose Google addresses cannot be configured. Its remotes are `reports:` (the shared drive,
 * with the courier's key), `team:` (Alice's folder in My Drive, with the same key), `alice:` (her My Drive, with her
 * refresh token) and `delegated:` (the same, with the courier's key on her behalf).
 */
interface Rclone {
  /** @returns the result, whether it succeeded or failed */
  end(args: readonly string[], input?: Uint8Array | string): Promise<Ended>;
  /** @returns its output. @throws Error with its messages if it fails */
  run(args: readonly string[], input?: Uint8Array | string): Promise<string>;
  close(): Promise<void>;
}

type Remote = Readonly<Record<string, string>>;

const environmentOf = (remotes: Readonly<Record<string, Remote>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(remotes).flatMap(([name, options]) =>
      Object.entries({ type: 'drive', scope: 'drive', ...options }).map(([option, value]) => [
        `RCLONE_CONFIG_${name}_${option}`.toUpperCase(),
        value,
      ]),
    ),
  );

const remotesOf = ({ world, places }: LocalGoogle): Readonly<Record<string, Remote>> => {
  const key = { service_account_file: world.keyFiles.courier ?? '' };
  const { alice } = world.emails;
  const refresh = world.state.refreshTokens.find(({ email, revoked }) => email === alice && !revoked);
  const client = world.state.oauthClients.find(({ id }) => id === refresh?.clientId);
  if (refresh === undefined || client === undefined) throw new Error('Alice has not consented to anything.');
  const expired = { access_token: 'expired', token_type: 'Bearer', expiry: '2020-01-01T00:00:00Z' };
  return {
    reports: { ...key, team_drive: places.sharedDrive },
    team: { ...key, root_folder_id: places.myDriveFolder },
    alice: {
      client_id: client.id,
      client_secret: client.secret,
      token: JSON.stringify({ ...expired, refresh_token: refresh.token }),
    },
    delegated: { ...key, impersonate: alice },
  };
};

/** rclone's own rate limits are disabled, since they would only slow the tests. */
const FLAGS = ['--drive-pacer-min-sleep=1ms', '--drive-pacer-burst=1000', '--retries=1', '--low-level-retries=3'];

export async function startRclone(google: LocalGoogle): Promise<Rclone> {
  const proxy = await startInterceptingProxy(google.origin);
  const { PATH = '' } = process.env;
  const env = {
    PATH,
    HOME: google.dataDir,
    HTTPS_PROXY: proxy.url,
    RCLONE_CA_CERT: proxy.authority,
    ...environmentOf(remotesOf(google)),
  };
  const end: Rclone['end'] = async (args, input = '') => {
    // No settings file, so that it never finds those of the user who runs the tests.
    const child = spawn('rclone', ['--config=', ...FLAGS, ...args], { env, stdio: 'pipe' });
    // It may end before it has read everything.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const closed = once(child, 'close') as Promise<[number | null]>;
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    return { code, stdout, stderr };
  };
  return {
    end,
    async run(args, input) {
      const { code, stdout, stderr } = await end(args, input);
      if (code !== 0) throw new Error(`rclone ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
      return stdout;
    },
    close: proxy.close,
  };
}
