import { failure } from '../errors.ts';
import { audienceOfUrl, CourierClient } from '../index.ts';

/** What every command takes. */
export interface GlobalOptions {
  url?: string;
  audience?: string;
  keyFile?: string;
  impersonate?: string;
  json?: boolean;
}

type Out = Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean; columns?: number };

/** What a command works with: its process, so that a test can stand in for it. */
export interface Context {
  env: Readonly<Record<string, string | undefined>>;
  stdin: AsyncIterable<Uint8Array>;
  stdout: Out;
  stderr: Out;
  /** Ends at the first Ctrl-C. */
  signal: AbortSignal;
  /** Epoch milliseconds. */
  now: () => number;
}

/** @throws CourierClientError `usage` */
const urlOf = ({ env }: Context, { url = env.COURIER_URL }: GlobalOptions): string => {
  if (!url) throw failure('usage', { detail: 'Where the courier is, is not known: give --url or set COURIER_URL.' });
  return url;
};

export const audienceOf = ({ env }: Context, { audience, url = env.COURIER_URL }: GlobalOptions): string | undefined =>
  audience ?? (env.COURIER_AUDIENCE?.trim() || (url === undefined ? undefined : audienceOfUrl(url)));

/** Who is calling, with a word on stderr where that deserves one. */
export const identityOf = async ({ env, stderr }: Context, { keyFile, impersonate, json }: GlobalOptions) => {
  const { discoverIdentity } = await import('../identity/discover.ts');
  const identity = await discoverIdentity({ env, keyFile, impersonate });
  if (identity.warning !== undefined && !json) stderr.write(`courier: warning: ${identity.warning}\n`);
  return identity;
};

export const clientOf = async (context: Context, options: GlobalOptions): Promise<CourierClient> => {
  const url = urlOf(context, options);
  const identity = await identityOf(context, options);
  const audience = audienceOf(context, options);
  const { env, now } = context;
  return new CourierClient({ url, identity, env, now, ...(audience === undefined ? {} : { audience }) });
};

/** One JSON line, or what a person reads. */
export const print = ({ stdout }: Context, { json }: GlobalOptions, value: unknown, text: string): void => {
  stdout.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`);
};
