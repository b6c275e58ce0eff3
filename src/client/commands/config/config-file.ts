import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { failure } from '../../errors.ts';
import { systemErrorText } from '../../http/system-errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The keys of the configuration file, with what they set. */
export const CONFIG_KEYS = {
  url: 'URL of the courier',
  audience: 'audience of the ID token',
  keyFile: 'path of a Google credentials file',
  impersonate: 'email of a service account to impersonate',
  destination: 'destination for "courier send"',
} as const;
export type ConfigKey = keyof typeof CONFIG_KEYS;
export type Config = Partial<Record<ConfigKey, string>>;

const isKey = (name: string): name is ConfigKey => Object.hasOwn(CONFIG_KEYS, name);
const KEY_NAMES = Object.keys(CONFIG_KEYS).join(', ');

/** Also accepts the spelling of the option: `key-file` for `keyFile`. @throws CourierClientError `usage` */
export const checkedConfigKey = (name: string): ConfigKey => {
  const key = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  if (isKey(key)) return key;
  throw failure('usage', { detail: `There is no configuration key "${name}". The keys are ${KEY_NAMES}.` });
};

/** `~/.config/drive-courier/config.yaml`: https://specifications.freedesktop.org/basedir-spec/latest/ */
export const configPath = (env: Env): string => {
  const folder = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(env.HOME || homedir(), '.config');
  return join(folder, 'drive-courier', 'config.yaml');
};

const readText = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // ENOTDIR: the home folder of a service user may be a file, such as /dev/null.
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw failure('file-unreadable', { detail: `${path}: ${systemErrorText(error)}`, cause: error });
  }
};

const contentSchema = z.record(z.string(), z.string()).nullable();

const configOf = (path: string, content: unknown): Config => {
  const parsed = contentSchema.safeParse(content);
  const remedy = `Correct ${path}, or remove it.`;
  if (!parsed.success) throw failure('usage', { detail: `${path} is not a list of "key: text" lines.`, remedy });
  const entries = Object.entries(parsed.data ?? {});
  const unknown = entries.find(([name]) => !isKey(name));
  if (unknown !== undefined) {
    throw failure('usage', { detail: `${path}: unknown key "${unknown[0]}". The keys are ${KEY_NAMES}.`, remedy });
  }
  return Object.fromEntries(entries);
};

const parse = async (path: string, text: string) => {
  // Loaded only if there is a file.
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) {
    const [summary = ''] = error.message.split('\n');
    throw failure('usage', { detail: `${path}: ${summary}`, remedy: `Correct ${path}, or remove it.` });
  }
  return document;
};

/** @returns {} if there is no file. @throws CourierClientError `usage` for an invalid file, `file-unreadable` */
export const readConfigFile = async (env: Env): Promise<Config> => {
  const path = configPath(env);
  const text = await readText(path);
  return text === '' ? {} : configOf(path, (await parse(path, text)).toJS());
};

/**
 * Sets or removes one key and keeps everything else, comments included.
 * @param value undefined to remove the key
 * @throws CourierClientError `usage` for an invalid file, `file-unreadable`, `file-unwritable`
 */
export const writeConfigKey = async (env: Env, key: ConfigKey, value: string | undefined): Promise<void> => {
  const path = configPath(env);
  const text = await readText(path);
  const document = await parse(path, text);
  const before = configOf(path, document.toJS());
  if (value !== undefined) document.set(key, value);
  else if (before[key] === undefined) return;
  else document.delete(key);
  const draft = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, document.toString({ lineWidth: 0 }), { mode: 0o600 });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw failure('file-unwritable', { detail: `${path}: ${systemErrorText(error)}`, cause: error });
  }
};
