import { type CredentialConfig, DRIVE_SCOPE } from '../config.ts';
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
const projectOf = (account: string | undefined): string => SERVICE_ACCOUNT.exec(account ?? '')?.[1] ?? 'PROJECT';

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
    ? `and put it where ${config.file ?? 'the configuration says'} is mounted from`
    : `gcloud secrets versions add ${secretOf(config.secret).flags} --data-file=key.json && rm key.json`;

const storeKey = (facts: Facts): string =>
  facts.config.secret === undefined
    ? `Mount a complete Google credentials file (JSON, as Google made it) at ${facts.config.file ?? 'the configured path'}.`
    : addVersion(facts);

const newKey = (facts: Facts): string => {
  const make = `gcloud iam service-accounts keys create key.json --iam-account=${facts.account ?? 'SERVICE_ACCOUNT'}`;
  return facts.config.secret === undefined ? `${make}, ${addVersion(facts)}` : `${make} && ${addVersion(facts)}`;
};

const enableVersion = ({ config }: Facts): string => {
  const { flags, version } = secretOf(config.secret);
  return `gcloud secrets versions list ${flags}; gcloud secrets versions enable ${version} --secret=${flags}`;
};

const revoked = (facts: Facts, { detail = '' }: CourierError): string =>
  detail.startsWith('The service account of the key')
    ? `gcloud iam service-accounts enable ${facts.account ?? 'SERVICE_ACCOUNT'}, or make another account and its key`
    : newKey(facts);

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
  'delegation-refused': ({ config, account }) =>
    `In https://admin.google.com/ac/owl/domainwidedelegation allow the scopes ${config.scopes.join(',')} to the client id that this prints: gcloud iam service-accounts describe ${config.impersonate ?? (isServiceAccount(account) ? account : 'SERVICE_ACCOUNT')} --format='value(oauth2ClientId)'; and check that ${config.subject ?? 'the subject'} exists`,
  'drive-api-disabled': ({ account }) => `gcloud services enable drive.googleapis.com --project=${projectOf(account)}`,
};

/** True when the error has no remedy of its own, better than its code's. */
const isGeneral = ({ code, remedy }: CourierError): boolean =>
  remedy.startsWith(ERRORS[code].remedy.split('{')[0] ?? '');

/** What to do about an error: a command where one fits, else the error's own words. */
export const remedyFor = (error: CourierError, facts: Facts): string => {
  const command = Object.hasOwn(COMMANDS, error.code) ? COMMANDS[error.code] : undefined;
  return command !== undefined && isGeneral(error) ? command(facts, error) : error.remedy;
};

/** What to do about a token without a Drive scope: it depends on where tokens of this way get theirs. */
export const remedyForScope = ({ name, config, account }: Facts): string => {
  if (config.adc === true)
    return `This platform gives its own tokens fixed scopes. In the configuration replace "adc: true" of credentials.${name} by "impersonate: ${account ?? 'SERVICE_ACCOUNT'}" and run: gcloud iam service-accounts add-iam-policy-binding ${account ?? 'SERVICE_ACCOUNT'} --member=${memberOf(account)} --role=roles/iam.serviceAccountTokenCreator`;
  if (!config.scopes.includes(DRIVE_SCOPE))
    return `In the configuration set credentials.${name}.scopes to [${DRIVE_SCOPE}].`;
  return `Have ${account ?? 'the person'} consent again, to the scope ${DRIVE_SCOPE}, and store the new credentials: ${storeKey({ name, config, account, runtime: undefined })}`;
};
