import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { DRIVE } from '../../../local/google/world/names.ts';
import { runCourier } from '../../support/client/client-process.ts';

let google: LocalGoogle;
let clientFile: string;
beforeAll(async () => {
  google = await startLocalGoogle();
  const [{ id, secret } = { id: '', secret: '' }] = google.world.state.oauthClients;
  clientFile = join(google.dataDir, 'client.json');
  writeFileSync(clientFile, JSON.stringify({ installed: { client_id: id, client_secret: secret } }));
});
afterAll(() => google.close());

/** Does what a person does on the page that the command names. */
type Browser = (page: URL) => Promise<unknown>;
const agree: Browser = (page) => fetch(page);

const login = async (
  args: readonly string[],
  { browser = agree, env = {} }: { browser?: Browser; env?: Record<string, string> } = {},
) => {
  const visits: Promise<unknown>[] = [];
  const run = await runCourier(['login', '--client', clientFile, '--no-browser', ...args], {
    env: { COURIER_GOOGLE_ORIGIN: google.origin, ...env },
    watch(child) {
      let text = '';
      child.stderr?.on('data', (part: Buffer) => {
        const seen = text.length;
        text += part.toString();
        const [address] = /http:\S+(?=\s)/.exec(text) ?? [];
        if (address !== undefined && !/http:\S+(?=\s)/.test(text.slice(0, seen)))
          visits.push(browser(new URL(address)));
      });
    },
  });
  return { ...run, visits: await Promise.all(visits) };
};

const credentials = (text: string) => JSON.parse(text) as Record<string, string>;
const actorOf = async (file: string) => {
  const env = { COURIER_GOOGLE_ORIGIN: google.origin, GOOGLE_APPLICATION_CREDENTIALS: file };
  const { stdout } = await runCourier(['token', '--access'], { env });
  return google.world.tokens.holderOf(stdout.trim(), []);
};

describe('courier login', () => {
  test('saves the consent as a working credentials file that only its owner can read', async () => {
    const out = join(google.dataDir, 'alice.json');
    const { code, stdout } = await login(['--out', out]);
    expect(code).toBe(0);
    expect(stdout).toContain('consent of: alice@example.com');
    expect(stdout).toContain(`saved to:   ${out}`);
    expect((statSync(out).mode & 0o777).toString(8)).toBe('600');
    expect(credentials(readFileSync(out, 'utf8'))).toMatchObject({
      type: 'authorized_user',
      account: 'alice@example.com',
    });
    expect(await actorOf(out)).toMatchObject({ email: 'alice@example.com', scopes: expect.arrayContaining([DRIVE]) });
    expect(stdout).not.toContain(credentials(readFileSync(out, 'utf8')).refresh_token);
  });

  test('replaces an existing file of any mode', async () => {
    const out = join(google.dataDir, 'older.json');
    writeFileSync(out, 'old', { mode: 0o644 });
    expect(await login(['--out', out])).toMatchObject({ code: 0 });
    expect((statSync(out).mode & 0o777).toString(8)).toBe('600');
  });

  test('takes a client file that an editor of Windows has saved', async () => {
    const marked = join(google.dataDir, 'marked.json');
    writeFileSync(marked, `\ufeff${readFileSync(clientFile, 'utf8')}\r\n`);
    expect(await login(['--client', marked])).toMatchObject({ code: 0 });
  });

  test('prints the file when no path is given, so that it can be piped', async () => {
    const { code, stdout } = await login(['--login-hint', 'bob@example.com']);
    expect(code).toBe(0);
    expect(credentials(stdout)).toMatchObject({ type: 'authorized_user', account: 'bob@example.com' });
  });

  test('requests the code on loopback with PKCE, a state, offline access and fresh consent', async () => {
    let page: URL | undefined;
    await login([], {
      browser: (asked) => {
        page = asked;
        return agree(asked);
      },
    });
    const query = Object.fromEntries(page?.searchParams ?? []);
    expect(query).toMatchObject({
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
      access_type: 'offline',
      prompt: 'consent',
      redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      scope: `${DRIVE} openid email`,
    });
  });

  test('stores the credentials as a new version of the secret, as the detected identity', async () => {
    const { secrets, emails, keyFiles } = google.world;
    secrets.create('alice-consent');
    const secret = `projects/${google.world.project.id}/secrets/alice-consent`;
    const env = { GOOGLE_APPLICATION_CREDENTIALS: keyFiles.exporter ?? '' };
    const before = google.world.state.refreshTokens.length;
    const refused = await login(['--json', '--secret', secret], { env });
    expect([refused.code, JSON.parse(refused.stdout)]).toMatchObject([
      1,
      { error: { code: 'secret-refused', remedy: expect.stringContaining('roles/secretmanager.secretVersionAdder') } },
    ]);
    google.world.state.secrets['alice-consent']?.bindings.push({
      role: 'roles/secretmanager.secretVersionAdder',
      member: `serviceAccount:${emails.exporter}`,
    });
    const stored = await login(['--json', '--secret', secret], { env });
    expect(JSON.parse(stored.stdout)).toMatchObject({
      account: 'alice@example.com',
      secretVersion: expect.stringMatching(/\/secrets\/alice-consent\/versions\/1$/),
    });
    const [version] = google.world.secrets.find('alice-consent')?.versions ?? [];
    const file = credentials(Buffer.from(version?.data ?? '', 'base64').toString());
    expect(google.world.state.refreshTokens.slice(before).map(({ token }) => token)).toContain(file.refresh_token);
    expect(`${stored.stdout}${stored.stderr}${refused.stderr}`).not.toContain(file.refresh_token);
  });

  test('does not ask for consent when the secret cannot be stored', async () => {
    const secret = 'projects/local-project/secrets/drive-key';
    const { code, visits, stderr } = await login(['--secret', secret], { env: { PATH: '/nonexistent' } });
    expect([code, visits.length]).toEqual([1, 0]);
    expect(stderr).toContain('identity-not-found');
  });
});

describe('courier login fails for', () => {
  const back =
    (change: (query: URLSearchParams) => void): Browser =>
    async (page) => {
      const target = new URL(page.searchParams.get('redirect_uri') ?? '');
      target.searchParams.set('state', page.searchParams.get('state') ?? '');
      change(target.searchParams);
      return (await fetch(target)).status;
    };

  test('a person who denies consent', async () => {
    const { code, stderr } = await login([], { browser: back((query) => query.set('error', 'access_denied')) });
    expect(code).toBe(1);
    expect(stderr).toContain('login-refused');
    expect(stderr).toContain('(access_denied)');
  });

  test('a code sent by another page, and keeps waiting for its own', async () => {
    const { code, visits } = await login([], {
      browser: async (page) => {
        const forged = back((query) => {
          query.set('state', 'x');
          query.set('code', '4/forged');
        });
        const status = await forged(page);
        await agree(page);
        return status;
      },
    });
    expect([code, visits]).toEqual([0, [400]]);
  });

  test('a code that Google does not know', async () => {
    const { code, stderr } = await login([], { browser: back((query) => query.set('code', '4/forged')) });
    expect(code).toBe(1);
    expect(stderr).toContain('identity-refused');
    expect(stderr).not.toContain('forged');
  });

  test('a consent with a scope left unchecked', async () => {
    const { code, stderr } = await login([], {
      browser: (page) => {
        page.searchParams.set('scope', 'openid email');
        return agree(page);
      },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(DRIVE);
  });

  test.each([
    ['a client file that is not there', ['--client', '/nonexistent.json'], 'file-unreadable', 1],
    ['a client file of another kind', ['--client', import.meta.filename], 'Desktop app', 64],
    ['a name that is no secret’s', ['--secret', 'drive-key'], 'projects/PROJECT/secrets/NAME', 64],
  ] as [string, string[], string, number][])('%s', async (_, args, words, exit) => {
    const { code, stderr } = await login(args);
    expect(code).toBe(exit);
    expect(stderr).toContain(words);
  });

  test('a file that cannot be written', async () => {
    const { code, stderr } = await login(['--out', '/nonexistent/folder/x.json']);
    expect(code).toBe(1);
    expect(stderr).toContain('file-unwritable');
  });

  test('an interrupt with Ctrl-C', async () => {
    const { code, stderr } = await runCourier(['login', '--client', clientFile, '--no-browser'], {
      env: { COURIER_GOOGLE_ORIGIN: google.origin },
      watch: (child) => child.stderr?.once('data', () => child.kill('SIGINT')),
    });
    expect(code).toBe(130);
    expect(stderr).toContain('courier: stopped: ');
  });
});
