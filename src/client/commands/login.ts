import { spawn } from 'node:child_process';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { withoutMark } from '../../text/unicode/byte-order-mark.ts';
import { failure } from '../errors.ts';
import { googleFetch } from '../http/google-fetch.ts';
import { rewriteFor } from '../http/google-origin.ts';
import { systemErrorText } from '../http/system-errors.ts';
import { CLOUD_PLATFORM } from '../identity/identity.ts';
import { type AuthorizedUserFile, type OauthClient, obtainConsent } from '../login/consent.ts';
import { addSecretVersion, checkedSecretName } from '../login/secret-version.ts';
import { type Context, findIdentity, type GlobalOptions, openSession, print } from './context.ts';

export interface LoginFlags extends GlobalOptions {
  client: string;
  scopes?: string[];
  out?: string;
  secret?: string;
  loginHint?: string;
  /** False with --no-browser. */
  browser?: boolean;
}

const DRIVE = 'https://www.googleapis.com/auth/drive';

/** The file that the Cloud console offers for download. */
const clientSchema = z.object({
  installed: z.object({ client_id: z.string().min(1), client_secret: z.string().min(1) }),
});

const readClient = async (path: string): Promise<OauthClient> => {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw failure('file-unreadable', { detail: `${path}: ${systemErrorText(error)}`, cause: error });
  });
  try {
    const { client_id: id, client_secret: secret } = clientSchema.parse(JSON.parse(withoutMark(text))).installed;
    return { id, secret };
  } catch {
    throw failure('usage', {
      detail: `${path} is not an OAuth client of the type "Desktop app".`,
      remedy:
        'Create one in the Cloud console (APIs & Services > Credentials > OAuth client ID > Desktop app) and download its JSON.',
    });
  }
};

/** Opens the browser if possible. The URL is printed in any case. */
const openBrowser = (url: string): void => {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler']
        : ['xdg-open'];
  if (command === undefined) return;
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
};

/** Writes a file that only its owner can read. It is written completely or not at all. */
const writePrivately = async (path: string, content: string): Promise<void> => {
  const draft = `${path}.${process.pid}.new`;
  try {
    await writeFile(draft, content, { mode: 0o600, flag: 'wx' });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw failure('file-unwritable', { detail: `${path}: ${systemErrorText(error)}`, cause: error });
  }
};

const textOf = (file: AuthorizedUserFile): string => `${JSON.stringify(file, undefined, 2)}\n`;

/** `courier login`: prints a credentials file with a person's consent, or saves it to a file or a secret. */
export const loginCommand = async (context: Context, flags: LoginFlags): Promise<void> => {
  const { env, stderr, stdout, signal } = context;
  const { out, secret, loginHint, browser = true } = flags;
  const client = await readClient(flags.client);
  const rewrite = rewriteFor(env.COURIER_GOOGLE_ORIGIN);
  const session = await openSession(context, flags);
  const fetch = googleFetch(rewrite, session.exchange);
  // Checked before the person is asked for a consent that then could not be stored.
  const name = secret === undefined ? undefined : checkedSecretName(secret);
  const token =
    name === undefined ? undefined : await (await findIdentity(context, flags, session)).accessToken([CLOUD_PLATFORM]);

  const { file, scopes } = await obtainConsent({
    client,
    scopes: (flags.scopes ?? [DRIVE]).flatMap((each) => each.split(',')).filter(Boolean),
    loginHint,
    rewrite,
    fetch,
    signal,
    show(url) {
      stderr.write(`courier: Open this page and accept:\n\n  ${url}\n\n`);
      if (browser) openBrowser(url);
    },
  });
  const content = textOf(file);
  if (out !== undefined) await writePrivately(out, content);
  const version =
    name === undefined || token === undefined
      ? undefined
      : await addSecretVersion(name, Buffer.from(content), { token, fetch });
  if (out === undefined && version === undefined) {
    stdout.write(flags.json ? `${JSON.stringify(file)}\n` : content);
    return;
  }
  const { account } = file;
  const lines = [
    `consent of: ${account ?? 'unknown'}`,
    ...(out === undefined ? [] : [`saved to:   ${out}`]),
    ...(version === undefined ? [] : [`stored as:  ${version}`]),
  ];
  print(context, flags, { account, scopes, file: out, secretVersion: version }, lines.join('\n'));
};
