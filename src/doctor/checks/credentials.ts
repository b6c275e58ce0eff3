import { z } from 'zod';
import { DRIVE_SCOPE } from '../../config/schema/credential.ts';
import type { CallContext } from '../../drive/drive.ts';
import { asCourierError, type CourierError } from '../../errors.ts';
import type { GoogleTransport } from '../../google/transport.ts';
import type { DoctorDependencies } from '../dependencies.ts';
import { type Facts, remedyFor, remedyForScope } from '../remedies.ts';
import { type Check, failed, failedWith, passed, skipped, warned } from '../report.ts';

/** The account in Drive, once Drive has answered it. */
export interface ReadyAccount {
  account: string;
  /** Bytes; undefined if unlimited or unknown. */
  storageLimit: number | undefined;
  storageUsed: number;
  /** Those that Google granted; undefined if unknown. */
  scopes: readonly string[] | undefined;
}

export interface CredentialsFinding {
  checks: Check[];
  ready?: ReadyAccount;
}

const tokenInfo = z.object({ scope: z.string() });

/** The scopes that a token really has: some platforms silently grant other scopes than the requested ones. */
const scopesOf = async (
  transport: Pick<GoogleTransport, 'send'>,
  token: string,
  deadlineMs: number,
): Promise<readonly string[] | undefined> => {
  try {
    const { status, body } = await transport.send({
      operation: 'oauth2.tokeninfo',
      method: 'POST',
      url: 'https://oauth2.googleapis.com/tokeninfo',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      // In the body, which servers don't log.
      body: Buffer.from(new URLSearchParams({ access_token: token }).toString()),
      retry: 'idempotent',
      deadlineMs,
    });
    return status === 200 ? tokenInfo.parse(JSON.parse(body.toString())).scope.split(' ') : undefined;
  } catch {
    return undefined;
  }
};

const WRITE_SCOPE = /\/auth\/drive(\.file)?$/;

const checkScope = (scopes: readonly string[] | undefined, facts: Facts): Check => {
  if (scopes === undefined)
    return skipped('scope', "Google does not list the token's scopes. Drive's answers show whether they suffice.");
  const drive = scopes.filter((scope) => WRITE_SCOPE.test(scope));
  if (drive.length === 0)
    return failed(
      'scope',
      `The token has no scope for writing to Drive. Its scopes: ${scopes.join(' ')}`,
      remedyForScope(facts),
    );
  return drive.includes(DRIVE_SCOPE)
    ? passed('scope', DRIVE_SCOPE)
    : warned(
        'scope',
        `${drive.join(' ')} gives access only to files that the account created itself, not to a folder that is shared with it.`,
        `In the configuration set credentials.${facts.name}.scopes to [${DRIVE_SCOPE}].`,
      );
};

const failedCheck = (check: string, error: CourierError, facts: Facts): Check =>
  failedWith(check, error, remedyFor(error, facts));

/** `key-invalid` because of the document itself; for any other reason, Google rejected a document that is complete. */
const KEY_REASONS: ReadonlySet<string> = new Set(['document-invalid', 'file-unreadable', 'subject-unsupported']);

/** The checks up to a token, from the error that ended them. */
const checksFor = (error: CourierError, facts: Facts): Check[] => {
  const { config } = facts;
  const secretPassed = config.secret === undefined ? [] : [passed('secret', `${config.secret} can be read.`)];
  switch (error.code) {
    case 'secret-not-found':
    case 'secret-corrupt':
      return [failedCheck('secret', error, facts)];
    case 'secret-forbidden': {
      const found = failedCheck('secret', error, facts);
      if (error.reason !== 'PERMISSION_DENIED') return [found];
      return [
        {
          ...found,
          detail: `${found.detail} (Secret Manager gives the same answer for a secret that does not exist.)`,
        },
      ];
    }
    case 'key-invalid':
      return error.reason !== undefined && KEY_REASONS.has(error.reason)
        ? [...secretPassed, failedCheck('key', error, facts)]
        : [...secretPassed, passed('key', 'The document is complete.'), failedCheck('token', error, facts)];
    case 'scope-insufficient':
      return [...secretPassed, failedCheck('scope', error, facts)];
    case 'google-unavailable':
      return [failedCheck('token', error, facts)];
    default:
      return [...secretPassed, passed('key', 'The document is complete.'), failedCheck('token', error, facts)];
  }
};

/** Checks one entry of `credentials`, from its secret to Drive's first answer. */
export const checkCredentials = async (
  dependencies: DoctorDependencies,
  name: string,
  { auth, drive }: ReturnType<DoctorDependencies['openAccount']>,
  { runtimeEmail, context }: { runtimeEmail: string | undefined; context: CallContext & { deadlineMs: number } },
): Promise<CredentialsFinding> => {
  const { config, transport, log } = dependencies;
  const credential = config.credentials[name];
  if (credential === undefined) throw new Error(`no credentials are named "${name}"`);
  const factsNow = (): Facts => ({ account: auth.account(), runtime: runtimeEmail, name, config: credential });
  const hasDocument = credential.secret !== undefined || credential.file !== undefined;
  const noDocument = hasDocument
    ? credential.secret === undefined
      ? [skipped('secret', `The key is in a file, ${credential.file}.`)]
      : []
    : [skipped('secret', 'No key is used.'), skipped('key', 'No key is used.')];

  const only = (checks: readonly Check[]): Check[] => [
    ...noDocument,
    ...checks.filter(({ check }) => !noDocument.some((skip) => skip.check === check)),
  ];

  let token: string;
  try {
    token = await auth.token();
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error, credentials: name }, 'The doctor cannot get a token');
    return { checks: only(checksFor(error, factsNow())) };
  }
  const documents = only([
    ...(credential.secret === undefined ? [] : [passed('secret', `${credential.secret} can be read.`)]),
    passed('key', 'The document is complete.'),
  ]);
  const scopes = await scopesOf(transport, token, context.deadlineMs);
  const facts = factsNow();
  const scope = checkScope(scopes, facts);
  const minted = passed('token', `Google issues tokens for ${facts.account ?? 'these credentials'}.`);
  if (scope.result === 'failed') return { checks: [...documents, minted, scope] };

  try {
    const about = await drive.aboutAccount(context);
    const account = facts.account ?? about.email;
    const checks = [
      ...documents,
      minted,
      scope,
      passed('drive-api', `Enabled; Drive answers ${about.email || account}.`),
    ];
    return { checks, ready: { ...about, account, scopes } };
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error, credentials: name }, 'Drive does not answer the doctor');
    if (error.code === 'scope-insufficient')
      return { checks: [...documents, minted, failedWith('scope', error, remedyForScope(facts))] };
    return { checks: [...documents, minted, scope, failedCheck('drive-api', error, facts)] };
  }
};
