import { failure } from '../errors.ts';
import { createExchange, type Exchange } from '../http/http.ts';
import type { Identity } from '../identity/identity.ts';
import { CourierClient } from '../index.ts';
import { readSettings, type SettingFlags, type Settings } from './config/settings.ts';
import { type Colors, colorsFor } from './output/colors.ts';
import { verboseExchange } from './output/verbose.ts';

/** The options of every command. */
export interface GlobalOptions extends SettingFlags {
  json?: boolean;
  verbose?: boolean;
}

interface Out {
  /** @param onWritten called when the text has been taken by its reader, or cannot be any more */
  write(text: string | Uint8Array, onWritten?: (error?: Error | null) => void): boolean;
  isTTY?: boolean;
  columns?: number;
}

/** The reason of the signal when standard output cannot be written: the reader of a pipe has ended, or a disk is full. */
export const OUTPUT_FAILED = 'output-failed';

/** The process that a command runs in. Tests pass their own. */
export interface Context {
  env: Readonly<Record<string, string | undefined>>;
  stdin: AsyncIterable<Uint8Array>;
  stdout: Out;
  stderr: Out;
  /**
   * Aborted by the first Ctrl-C or SIGTERM, with the name of the signal as its reason. Also aborted when standard output fails,
   * with OUTPUT_FAILED.
   */
  signal: AbortSignal;
  /** Epoch milliseconds. */
  now: () => number;
  /** Called before a command that may send very many files, to prepare the process. */
  onManyFiles?: () => void;
}

/** What most commands need: the settings, and HTTP that reports its requests with --verbose. */
export interface Session {
  settings: Settings;
  exchange: Exchange;
}

export const outColors = ({ stdout, env }: Context): Colors => colorsFor(stdout, env);
export const errColors = ({ stderr, env }: Context): Colors => colorsFor(stderr, env);

/** @throws CourierClientError `usage`, `file-unreadable` for the configuration file */
export const openSession = async (context: Context, flags: GlobalOptions): Promise<Session> => {
  const { env, stderr, now } = context;
  const settings = await readSettings(env, flags);
  const exchange = createExchange(env);
  if (!flags.verbose) return { settings, exchange };
  const report = (line: string): void => {
    stderr.write(`courier: ${line}\n`);
  };
  for (const [name, { value, source }] of Object.entries(settings)) report(`${name}: ${value} (from ${source})`);
  return { settings, exchange: verboseExchange(exchange, report, settings.url?.value, now) };
};

/** The identity that calls; its limitations are reported on stderr. @throws CourierClientError `identity-…` */
export const findIdentity = async (
  context: Context,
  { json, verbose }: GlobalOptions,
  { settings, exchange }: Session,
): Promise<Identity> => {
  const { env, stderr } = context;
  const { discoverIdentity } = await import('../identity/discover.ts');
  // The variable is left to the search, which names it in its messages.
  const isVariable = settings.keyFile?.source === 'GOOGLE_APPLICATION_CREDENTIALS';
  const identity = await discoverIdentity({
    env,
    exchange,
    keyFile: isVariable ? undefined : settings.keyFile?.value,
    impersonate: settings.impersonate?.value,
  });
  if (verbose) stderr.write(`courier: identity: ${identity.kind}, found by ${identity.foundBy}\n`);
  if (identity.warning !== undefined && !json) {
    stderr.write(`${errColors(context).yellow('courier: warning:')} ${identity.warning}\n`);
  }
  return identity;
};

/** @throws CourierClientError `usage`, `identity-…` */
export const createClient = async (
  context: Context,
  flags: GlobalOptions,
  session: Session,
): Promise<CourierClient> => {
  const { env, now } = context;
  const { url, audience } = session.settings;
  if (url === undefined) {
    throw failure('usage', {
      detail: 'Missing courier URL. Pass --url, set COURIER_URL, or run "courier config set url URL".',
    });
  }
  const identity = await findIdentity(context, flags, session);
  return new CourierClient({
    url: url.value,
    audience: audience?.value,
    identity,
    env,
    now,
    exchange: session.exchange,
  });
};

/** Prints one JSON line with --json, else text. */
export const print = ({ stdout }: Context, { json }: GlobalOptions, value: unknown, text: string): void => {
  stdout.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`);
};
