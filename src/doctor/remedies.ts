import { type CredentialConfig, DRIVE_SCOPE } from '../config/credential.ts';
import { type CourierError, ERRORS } from '../errors.ts';

/** Words for the commands. What is not known stands as a word in capitals, for the reader to fill in. */
export interface Facts {
  /** Who the files are written as. */
  account: string | undefined;
  /** Who the courier itself is. */
  runtime: string | undefined;
  /** Name of the entry under `credentials`. */
  name: string;
  config: CredentialConfig;
}

const SERVICE_ACCOUNT = /@([a-z0-9.:-]+)\.iam\.gserviceaccount\.com$/;

export const isServiceAccount = (account: string | undefined): boolean =>
  account?.endsWith('.gserviceaccount.com') ?? false;

/** The project that a service account belongs to, and whose APIs count for its calls. */
export const projectOf = (account: string | undefined): string => SERVICE_ACCOUNT.exec(account ?? '')?.[1] ?? 'PROJECT';

export const memberOf = (account: string | undefined): string =>
  account === undefined || isServiceAccount(account)
    ? `serviceAccount:${account ?? 'SERVICE_ACCOUNT'}`
    : `user:${account}`;

/** `SECRET --project=PROJECT [--location=LOCATION]`, and the version. */
const secretOf = (name = ''): { flags: string; version: string } => {
  const [, project = 'PROJECT', location, secret = 'SECRET', version = 'latest'] =
    /^projects\/([^/]+)\/(?:locations\/([^/]+)\/)?secrets\/([^/]+)(?:\/versions\/([^/]+))?$/.exec(name) ?? [];
  return {
    flags: `${secret} --project=${project}${location === undefined ? '' : ` --location=${location}`}`,
    version: /^\d+$/.test(version) ? version : 'VERSION',
  };
};

const addVersion = ({ config }: Facts): string =>
  config.secret === undefined
    ? `and step it where ${config.file ?? 'the configuration says'} is mounted from`
    : `gcloud secrets versions add ${secretOf(config.secret).flags} --data-file=key.json && rm key.json`;

const storeKey = (facts: Facts): string =>
  facts.config.secret === undefined
    ? `Mount a complete Google credentials file (JSON, as Google made it) at ${facts.config.file ?? 'the configured path'}.`
    : addVersion(facts);

const ACCOUNT_END = '.gserviceaccount.com';

/** The first service account that a sentence names. */
const accountIn = (sentence: string): string | undefined => {
  const word = sentence.split(/[^\w.@-]/).find((each) => each.includes('@') && each.includes(ACCOUNT_END));
  return word?.slice(0, word.indexOf(ACCOUNT_END) + ACCOUNT_END.length);
};

/** The service account behind a right, also where it acts for a person: errors name it. */
const actorOf = ({ account }: Facts, { remedy }: CourierError): string =>
  accountIn(remedy) ?? (isServiceAccount(account) ? (account ?? '') : 'SERVICE_ACCOUNT');

const newKey = (facts: Facts, error: CourierError): string => {
  const make = `gcloud iam service-accounts keys create key.json --iam-account=${actorOf(facts, error)}`;
  return facts.config.secret === undefined ? `${make}, ${addVersion(facts)}` : `${make} && ${addVersion(facts)}`;
};

const enableVersion = ({ config }: Facts): string => {
  const { flags, version } = secretOf(config.secret);
  return `gcloud secrets versions list ${flags}; gcloud secrets versions enable ${version} --secret=${flags}`;
};

const revoked = (facts: Facts, error: CourierError): string =>
  error.detail?.startsWith('The service account of the key')
    ? `gcloud iam service-accounts enable ${actorOf(facts, error)}, or make another account and its key`
    : newKey(facts, error);

/** Commands for what goes wrong between the configuration and a token. */
const COMMANDS: Readonly<Record<string, (facts: Facts, error: CourierError) => string>> = {
  'secret-not-found': (facts, { detail = '' }) =>
    /disabled or destroyed/.test(detail) ? enableVersion(facts) : storeKey(facts),
  'secret-forbidden': ({ config, runtime }) =>
    `gcloud secrets add-iam-policy-binding ${secretOf(config.secret).flags} --member=${memberOf(runtime)} --role=roles/secretmanager.secretAccessor`,
  'secret-corrupt': storeKey,
  'key-invalid': storeKey,
  'key-revoked': revoked,
  'impersonation-refused': ({ config, account, runtime }) =>
    `gcloud iam service-accounts add-iam-policy-binding ${config.impersonate ?? account ?? 'SERVICE_ACCOUNT'} --member=${memberOf(runtime)} --role=roles/iam.serviceAccountTokenCreator`,
  'delegation-refused': (facts, error) =>
    `In https://admin.google.com/ac/owl/domainwidedelegation allow the scopes ${facts.config.scopes.join(',')} to the client id that this prints: gcloud iam service-accounts describe ${facts.config.impersonate ?? actorOf(facts, error)} --format='value(uniqueId)'; and check that ${facts.config.subject ?? 'the subject'} exists`,
  'drive-api-disabled': ({ account }) => `gcloud services enable drive.googleapis.com --project=${projectOf(account)}`,
};

/** True when the error has no remedy of its own, better than its code's. */
export const isGeneral = ({ code, remedy }: CourierError): boolean =>
  remedy.startsWith(ERRORS[code].remedy.split('{')[0] ?? '');

/** An API that is off: errors name it, and here it is known in which project. */
const enableApi = ({ remedy }: CourierError, { config, runtime }: Facts): string | undefined => {
  const [, api] = /gcloud services enable ([\w.]+)/.exec(remedy) ?? [];
  if (api === undefined || api === 'drive.googleapis.com') return undefined;
  const [, ofSecret] =
    /^projects\/([^/]+)\//.exec(api === 'secretmanager.googleapis.com' ? (config.secret ?? '') : '') ?? [];
  return `gcloud services enable ${api} --project=${ofSecret ?? projectOf(runtime)}`;
};

const ASK_AGAIN =
  'Ask again in a minute; if it stays so, look at https://status.cloud.google.com and https://www.google.com/appsstatus/dashboard';

/** What to do about an error: a command where one fits, else the error's own words. */
export const remedyFor = (error: CourierError, facts: Facts): string => {
  if (error.retryable) return ASK_AGAIN;
  const command = Object.hasOwn(COMMANDS, error.code) ? COMMANDS[error.code] : undefined;
  if (command !== undefined && isGeneral(error)) return command(facts, error);
  return enableApi(error, facts) ?? error.remedy;
};

/** What to do about a token without a Drive scope: it depends on where tokens of this way get theirs. */
export const remedyForScope = ({ name, config, account: known, runtime }: Facts): string => {
  const account = known ?? (config.adc === true ? runtime : undefined);
  if (config.adc === true)
    return `This platform gives its own tokens fixed scopes. In the configuration replace "adc: true" of credentials.${name} by "impersonate: ${account ?? 'SERVICE_ACCOUNT'}" and run: gcloud iam service-accounts add-iam-policy-binding ${account ?? 'SERVICE_ACCOUNT'} --member=${memberOf(account)} --role=roles/iam.serviceAccountTokenCreator`;
  if (!config.scopes.includes(DRIVE_SCOPE))
    return `In the configuration set credentials.${name}.scopes to [${DRIVE_SCOPE}].`;
  return `Have ${account ?? 'the person'} consent again, to the scope ${DRIVE_SCOPE}, and store the new credentials: ${storeKey({ name, config, account, runtime: undefined })}`;
};
