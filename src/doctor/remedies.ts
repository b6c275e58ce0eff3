import { type CredentialConfig, DRIVE_SCOPE } from '../config/schema/credential.ts';
import type { CourierError } from '../errors.ts';
import { parseSecretName } from '../text/google/secret-name.ts';
import { isServiceAccount, projectOfAccount } from '../text/google/service-account.ts';

/** For a ledger in memory. */
export const USE_FIRESTORE =
  'gcloud firestore databases create --location=LOCATION --type=firestore-native, and in the configuration: ledger: {firestore: {}}';

/** Values for the commands. An unknown value appears as a word in capitals, for the reader to fill in. */
export interface Facts {
  /** The account that owns new files. */
  account: string | undefined;
  /** The courier's own account. */
  runtime: string | undefined;
  /** Name of the entry under `credentials`. */
  name: string;
  config: CredentialConfig;
}

/** The project of a service account, in which the APIs that it calls must be enabled. */
export const projectOf = (account: string | undefined): string => projectOfAccount(account) ?? 'PROJECT';

export const memberOf = (account: string | undefined): string =>
  account === undefined || isServiceAccount(account)
    ? `serviceAccount:${account ?? 'SERVICE_ACCOUNT'}`
    : `user:${account}`;

/** `SECRET --project=PROJECT [--location=LOCATION]`, and the version. */
const secretOf = (name = ''): { flags: string; version: string } => {
  const { project = 'PROJECT', location, secret = 'SECRET', version = 'latest' } = parseSecretName(name) ?? {};
  return {
    flags: `${secret} --project=${project}${location === undefined ? '' : ` --location=${location}`}`,
    version: /^\d+$/.test(version) ? version : 'VERSION',
  };
};

const addVersion = ({ config }: Facts): string =>
  config.secret === undefined
    ? `and replace the file that is mounted at ${config.file ?? 'the configured path'}`
    : `gcloud secrets versions add ${secretOf(config.secret).flags} --data-file=key.json && rm key.json`;

const storeKey = (facts: Facts): string =>
  facts.config.secret === undefined
    ? `Mount a complete Google credentials file (JSON, as downloaded from Google) at ${facts.config.file ?? 'the configured path'}.`
    : addVersion(facts);

/** The service account behind the credentials. If it acts for a person, only the error names it. */
const actorOf = ({ account }: Facts, { facts }: CourierError): string =>
  [facts.account, account].find(isServiceAccount) ?? 'SERVICE_ACCOUNT';

const newKey = (facts: Facts, error: CourierError): string => {
  const make = `gcloud iam service-accounts keys create key.json --iam-account=${actorOf(facts, error)}`;
  return facts.config.secret === undefined ? `${make}, ${addVersion(facts)}` : `${make} && ${addVersion(facts)}`;
};

const enableVersion = ({ config }: Facts): string => {
  const { flags, version } = secretOf(config.secret);
  return `gcloud secrets versions list ${flags}; gcloud secrets versions enable ${version} --secret=${flags}`;
};

const revoked = (facts: Facts, error: CourierError): string =>
  error.reason === 'account-not-found'
    ? `gcloud iam service-accounts enable ${actorOf(facts, error)}, or create another account and its key`
    : newKey(facts, error);

/** Commands for errors between the configuration and a token, by their code. */
const COMMANDS: Readonly<Record<string, (facts: Facts, error: CourierError) => string>> = {
  'secret-not-found': (facts, { reason }) =>
    reason === 'FAILED_PRECONDITION' ? enableVersion(facts) : storeKey(facts),
  'secret-forbidden': ({ config, runtime }) =>
    `gcloud secrets add-iam-policy-binding ${secretOf(config.secret).flags} --member=${memberOf(runtime)} --role=roles/secretmanager.secretAccessor`,
  'secret-corrupt': storeKey,
  'key-invalid': storeKey,
  'key-revoked': revoked,
  'impersonation-refused': ({ config, account, runtime }) =>
    `gcloud iam service-accounts add-iam-policy-binding ${config.impersonate ?? account ?? 'SERVICE_ACCOUNT'} --member=${memberOf(runtime)} --role=roles/iam.serviceAccountTokenCreator`,
  'delegation-refused': (facts, error) =>
    `In https://admin.google.com/ac/owl/domainwidedelegation allow the scopes ${facts.config.scopes.join(',')} for the client id that this command prints: gcloud iam service-accounts describe ${facts.config.impersonate ?? actorOf(facts, error)} --format='value(uniqueId)'; and check that ${facts.config.subject ?? 'the subject'} exists`,
  'drive-api-disabled': ({ account }) => `gcloud services enable drive.googleapis.com --project=${projectOf(account)}`,
};

/** The command for an API that is disabled: the error names the API, and the project is known here. */
const enableApi = ({ reason, facts: { api } }: CourierError, { config, runtime }: Facts): string | undefined => {
  if (reason !== 'SERVICE_DISABLED' || api === undefined) return undefined;
  const secret = api === 'secretmanager.googleapis.com' ? parseSecretName(config.secret ?? '') : undefined;
  return `gcloud services enable ${api} --project=${secret?.project ?? projectOf(runtime)}`;
};

const TRY_AGAIN =
  'Try again in a minute. If the problem persists, see https://status.cloud.google.com and https://www.google.com/appsstatus/dashboard';

/** The remedy for an error: a command if there is one, else the error's own remedy. */
export const remedyFor = (error: CourierError, facts: Facts): string => {
  if (error.retryable) return TRY_AGAIN;
  const command = Object.hasOwn(COMMANDS, error.code) ? COMMANDS[error.code] : undefined;
  if (command !== undefined && !error.hasOwnRemedy) return command(facts, error);
  return enableApi(error, facts) ?? error.remedy;
};

/** The remedy for a token without a Drive scope, which depends on the kind of credentials. */
export const remedyForScope = ({ name, config, account: known, runtime }: Facts): string => {
  const account = known ?? (config.adc === true ? runtime : undefined);
  if (config.adc === true)
    return `The tokens of this platform have fixed scopes. In the configuration replace "adc: true" of credentials.${name} with "impersonate: ${account ?? 'SERVICE_ACCOUNT'}" and run: gcloud iam service-accounts add-iam-policy-binding ${account ?? 'SERVICE_ACCOUNT'} --member=${memberOf(account)} --role=roles/iam.serviceAccountTokenCreator`;
  if (!config.scopes.includes(DRIVE_SCOPE))
    return `In the configuration set credentials.${name}.scopes to [${DRIVE_SCOPE}].`;
  return `Ask ${account ?? 'the person'} to consent to the scope ${DRIVE_SCOPE}, and store the new credentials: ${storeKey({ name, config, account, runtime: undefined })}`;
};
