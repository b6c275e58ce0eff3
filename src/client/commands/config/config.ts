import { isFileContent } from '../../../text/file-content.ts';
import { failure } from '../../errors.ts';
import { CourierClient } from '../../index.ts';
import { type Context, type GlobalOptions, print } from '../context.ts';
import { type ConfigKey, checkedConfigKey, configPath, readConfigFile, writeConfigKey } from './config-file.ts';
import { readSettings } from './settings.ts';

const checkedValue = (key: ConfigKey, value: string): string => {
  const text = value.trim();
  if (text === '')
    throw failure('usage', { detail: `The value of "${key}" is empty. To remove it: courier config unset ${key}` });
  // The constructor checks the URL.
  if (key === 'url') new CourierClient({ url: text });
  if (isFileContent(text)) throw failure('usage', { detail: `The value of "${key}" is the content of a file.` });
  return text;
};

/** `courier config set KEY VALUE` */
export const configSetCommand = async ({ env }: Context, name: string, value: string): Promise<void> => {
  const key = checkedConfigKey(name);
  await writeConfigKey(env, key, checkedValue(key, value));
};

/** `courier config unset KEY` */
export const configUnsetCommand = ({ env }: Context, name: string): Promise<void> =>
  writeConfigKey(env, checkedConfigKey(name), undefined);

/** `courier config get KEY`: what the file has. @returns false if it has no such key */
export const configGetCommand = async (context: Context, name: string, flags: GlobalOptions): Promise<boolean> => {
  const key = checkedConfigKey(name);
  const value = (await readConfigFile(context.env))[key];
  if (value !== undefined || flags.json) print(context, flags, { [key]: value ?? null }, value ?? '');
  return value !== undefined;
};

/** `courier config list`: the settings in effect, and where each comes from. */
export const configListCommand = async (context: Context, flags: GlobalOptions): Promise<void> => {
  const settings = await readSettings(context.env, flags);
  const lines = Object.entries(settings).map(([key, { value, source }]) => `${key}: ${value} (from ${source})`);
  print(context, flags, settings, lines.length === 0 ? 'Nothing is configured.' : lines.join('\n'));
};

/** `courier config path` */
export const configPathCommand = (context: Context, flags: GlobalOptions): void => {
  const path = configPath(context.env);
  print(context, flags, { path }, path);
};
