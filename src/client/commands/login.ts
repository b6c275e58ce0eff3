import { spawn } from 'node:child_process';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { googleFetch } from '../google-fetch.ts';
import { rewriteFor } from '../google-origin.ts';
import { type AuthorizedUserFile, type OauthClient, obtainConsent } from '../login/consent.ts';
import { addSecretVersion, checkedSecretName } from '../login/secret-version.ts';
import { type Context, type GlobalOptions, identityOf, print } from './context.ts';

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
const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';

/** As the Cloud console has it downloaded. */
const clientSchema = z.object({
  installed: z.object({ client_id: z.string().min(1), client_secret: z.string().min(1) }),
});

const readClient = async (path: string): Promise<OauthClient> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw failure('file-unreadable', { detail: `${path}: ${error.code}` });
  });
  try {
    const { client_id: id, client_secret: secret } = clientSchema.parse(JSON.parse(text)).installed;
    return { id, secret };
  } catch {
    throw failure('usage', {
      detail: `${path} is no OAuth client of the kind "Desktop app".`,
      remedy:
        'Make one in the Cloud console (APIs & Services > Credentials > OAuth client ID > Desktop app) and download its JSON.',
    });
  }
};

/** The person's browser, if one can be opened; the address is on the terminal in any case. */
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

/** Readable by its owner alone, and whole or not at all. */
const writePrivately = async (path: string, content: string): Promise<void> => {
  const draft = `${path}.${process.pid}.new`;
  try {
    await writeFile(draft, content, { mode: 0o600, flag: 'wx' });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw failure('file-unwritable', { detail: `${path}: ${(error as NodeJS.ErrnoException).code}` });
  }
};

const textOf = (file: AuthorizedUserFile): string => `${JSON.stringify(file, undefined, 2)}\n`;

/** `courier login`: a person's consent as a credentials file, or as a secret's new version; on standard output unless told where. */
export const loginCommand = async (context: Context, flags: LoginFlags): Promise<void> => {
  const { env, stderr, stdout, signal } = context;
  const { out, secret, loginHint, browser = true } = flags;
  const client = await readClient(flags.client);
  const rewrite = rewriteFor(env.COURIER_GOOGLE_ORIGIN);
  const fetch = googleFetch(rewrite);
  // Before anybody is asked to agree to something that then cannot be kept.
  const name = secret === undefined ? undefined : checkedSecretName(secret);
  const token = name === undefined ? undefined : await (await identityOf(context, flags)).accessToken([CLOUD_PLATFORM]);

  const { file, scopes } = await obtainConsent({
    client,
    scopes: (flags.scopes ?? [DRIVE]).flatMap((each) => each.split(',')).filter(Boolean),
    loginHint,
    rewrite,
    fetch,
    signal,
    show(url) {
      stderr.write(`courier: Open this page and agree:\n\n  ${url}\n\n`);
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
    `consent of: ${account ?? 'somebody'}`,
    ...(out === undefined ? [] : [`saved to:   ${out}`]),
    ...(version === undefined ? [] : [`stored as:  ${version}`]),
  ];
  print(context, flags, { account, scopes, file: out, secretVersion: version }, lines.join('\n'));
};
