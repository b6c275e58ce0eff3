import { isFileContent } from '../../../text/file-content.ts';
import { withoutTrailingSlashes } from '../../../text/urls/trailing-slashes.ts';
import { audienceOfUrl, hasUserInfo } from '../../audience.ts';
import { failure } from '../../errors.ts';
import { type Config, type ConfigKey, configPath, readConfigFile } from './config-file.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A setting, and the option, variable or file that it comes from. */
interface Setting {
  value: string;
  source: string;
}
export type Settings = Partial<Record<ConfigKey, Setting>>;

/** The options of a command that have a counterpart in the environment or the configuration file. */
export interface SettingFlags {
  url?: string;
  audience?: string;
  keyFile?: string;
  impersonate?: string;
  to?: string;
}

type Candidate = readonly [value: string | undefined, source: string];

/** The first that is set. Values from files and variables often end with a line break; an empty one does not count. */
const first = (...candidates: Candidate[]): Setting | undefined => {
  for (const [value, source] of candidates) {
    const text = value?.trim();
    if (text) return { value: text, source };
  }
  return undefined;
};

/** Services often list one audience with a slash at its end by mistake, and tokens must not have it. */
const cleaned = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : withoutTrailingSlashes(value.trim());

/** `COURIER_AUDIENCES` is the service's own variable, with several audiences: the URL if it is one of them, else the first. */
const audienceInList = (list: string | undefined, url: string | undefined): string | undefined => {
  const audiences = (list ?? '').split(',').map((each) => cleaned(each) ?? '');
  return audiences.find((each) => each !== '' && each === url) ?? audiences.find((each) => each !== '');
};

const audienceSetting = (flags: SettingFlags, env: Env, file: Config, url: Setting | undefined, path: string) => {
  const own = url === undefined ? undefined : audienceOfUrl(url.value);
  // The audience in the file belongs to the URL in the file.
  const inFile = url?.source === path || url === undefined ? cleaned(file.audience) : undefined;
  return first(
    [flags.audience, '--audience'],
    [cleaned(env.COURIER_AUDIENCE), 'COURIER_AUDIENCE'],
    [audienceInList(env.COURIER_AUDIENCES, own), 'COURIER_AUDIENCES'],
    [inFile, path],
    [own, 'the URL'],
  );
};

/** Settings are printed, and a key must not be. @throws CourierClientError `usage` */
const checkedPath = (setting: Setting | undefined): Setting | undefined => {
  if (setting === undefined || !isFileContent(setting.value)) return setting;
  throw failure('usage', {
    detail: `${setting.source} is the content of a credentials file. It must be the path of the file.`,
  });
};

/** Settings are printed, and a password must not be. @throws CourierClientError `usage` */
const checkedUrl = (setting: Setting | undefined): Setting | undefined => {
  if (setting === undefined || !hasUserInfo(setting.value)) return setting;
  throw failure('usage', { detail: `The URL in ${setting.source} has a user name or a password.` });
};

/** Every setting by precedence: option, environment, configuration file. @throws CourierClientError `usage`, `file-unreadable` */
export const readSettings = async (env: Env, flags: SettingFlags): Promise<Settings> => {
  const path = configPath(env);
  const file = await readConfigFile(env);
  const url = checkedUrl(first([flags.url, '--url'], [env.COURIER_URL, 'COURIER_URL'], [file.url, path]));
  const settings = {
    url,
    audience: checkedUrl(audienceSetting(flags, env, file, url, path)),
    keyFile: checkedPath(
      first(
        [flags.keyFile, '--key-file'],
        [env.GOOGLE_APPLICATION_CREDENTIALS, 'GOOGLE_APPLICATION_CREDENTIALS'],
        [file.keyFile, path],
      ),
    ),
    impersonate: first(
      [flags.impersonate, '--impersonate'],
      [env.CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT, 'CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT'],
      [file.impersonate, path],
    ),
    destination: first([flags.to, '--to'], [file.destination, path]),
  };
  return Object.fromEntries(Object.entries(settings).filter(([, setting]) => setting !== undefined));
};
