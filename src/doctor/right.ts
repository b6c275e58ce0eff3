import { z } from 'zod';
import { DRIVE_SCOPE } from '../config/credential.ts';
import type { CallContext } from '../drive/drive.ts';
import { asCourierError, type CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import type { DoctorDependencies } from './dependencies.ts';
import { type Facts, isGeneral, remedyFor, remedyForScope } from './remedies.ts';
import { type Check, failed, passed, skipped, warned } from './report.ts';

/** Whose Drive it is, once everything up to Drive's first answer is in order. */
export interface Ready {
  account: string;
  /** Bytes; undefined: unlimited, or Drive does not say. */
  storageLimit: number | undefined;
  storageUsed: number;
  /** Granted; undefined where Google does not say. */
  scopes: readonly string[] | undefined;
}

export interface Finding {
  checks: Check[];
  ready?: Ready;
}

const tokenInfo = z.object({ scope: z.string() });

/** The scopes that a token really has: some platforms give others than were asked for, and say nothing. */
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
      // In the body, where no log of any server keeps it.
      body: Buffer.from(new URLSearchParams({ access_token: token }).toString()),
      retry: 'idempotent',
      deadlineMs,
    });
    return status === 200 ? tokenInfo.parse(JSON.parse(body.toString())).scope.split(' ') : undefined;
  } catch {
    return undefined;
  }
};

const WRITING = /\/auth\/drive(\.file)?$/;

const checkScope = (scopes: readonly string[] | undefined, facts: Facts): Check => {
  if (scopes === undefined) return skipped('scope', "Google does not say; Drive's answers will.");
  const drive = scopes.filter((scope) => WRITING.test(scope));
  if (drive.length === 0)
    return failed('scope', `The token has no scope to write to Drive, but: ${scopes.join(' ')}`, remedyForScope(facts));
  return drive.includes(DRIVE_SCOPE)
    ? passed('scope', DRIVE_SCOPE)
    : warned(
        'scope',
        `${drive.join(' ')} reaches only what the same account has made itself, not a folder that is shared with it.`,
        `In the configuration set credentials.${facts.name}.scopes to [${DRIVE_SCOPE}].`,
      );
};

const complaint = (check: string, error: CourierError, facts: Facts): Check =>
  failed(check, error.detail ?? `${error.title}.`, remedyFor(error, facts));

/** The checks up to a token, from the one error that ended them. */
const explain = (error: CourierError, facts: Facts): Check[] => {
  const { config } = facts;
  const secretPassed = config.secret === undefined ? [] : [passed('secret', `${config.secret} can be read.`)];
  switch (error.code) {
    case 'secret-not-found':
    case 'secret-corrupt':
      return [complaint('secret', error, facts)];
    case 'secret-forbidden': {
      const found = complaint('secret', error, facts);
      // Unless the API is off, or the like.
      if (!isGeneral(error)) return [found];
      return [{ ...found, detail: `${found.detail} (Secret Manager says the same of a secret that does not exist.)` }];
    }
    case 'key-invalid':
      // What Google refuses has a cause; what is wrong with the document itself has none.
      return error.cause === undefined
        ? [...secretPassed, complaint('key', error, facts)]
        : [...secretPassed, passed('key', 'Complete.'), complaint('token', error, facts)];
    case 'scope-insufficient':
      return [...secretPassed, complaint('scope', error, facts)];
    case 'google-unavailable':
      return [complaint('token', error, facts)];
    default:
      return [...secretPassed, passed('key', 'Complete.'), complaint('token', error, facts)];
  }
};

/** Follows one entry of `credentials` from the courier's own identity to Drive's first answer. */
export const checkRight = async (
  dependencies: DoctorDependencies,
  name: string,
  { auth, drive }: ReturnType<DoctorDependencies['right']>,
  { runtime, context }: { runtime: string | undefined; context: CallContext & { deadlineMs: number } },
): Promise<Finding> => {
  const { config, transport, log } = dependencies;
  const credential = config.credentials[name];
  if (credential === undefined) throw new Error(`no credentials named ${name}`);
  const factsNow = (): Facts => ({ account: auth.account(), runtime, name, config: credential });
  const hasDocument = credential.secret !== undefined || credential.file !== undefined;
  const noDocument = hasDocument
    ? credential.secret === undefined
      ? [skipped('secret', `The key is in a file, ${credential.file}.`)]
      : []
    : [skipped('secret', 'No key: nothing to read.'), skipped('key', 'No key: nothing to parse.')];

  const only = (checks: readonly Check[]): Check[] => [
    ...noDocument,
    ...checks.filter(({ check }) => !noDocument.some((skip) => skip.check === check)),
  ];

  let token: string;
  try {
    token = await auth.token();
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error, credentials: name }, 'the doctor gets no token');
    return { checks: only(explain(error, factsNow())) };
  }
  const documents = only([
    ...(credential.secret === undefined ? [] : [passed('secret', `${credential.secret} can be read.`)]),
    passed('key', 'Complete.'),
  ]);
  const scopes = await scopesOf(transport, token, context.deadlineMs);
  const facts = factsNow();
  const scope = checkScope(scopes, facts);
  const minted = passed('token', `Google gives out tokens for ${facts.account ?? 'it'}.`);
  if (scope.result === 'failed') return { checks: [...documents, minted, scope] };

  try {
    const about = await drive.aboutAccount(context);
    const account = facts.account ?? about.email;
    const checks = [...documents, minted, scope, passed('drive-api', `On; Drive knows ${about.email || account}.`)];
    return { checks, ready: { ...about, account, scopes } };
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error, credentials: name }, 'the doctor gets no answer from Drive');
    if (error.code === 'scope-insufficient')
      return { checks: [...documents, minted, failed('scope', `${error.title}.`, remedyForScope(facts))] };
    return { checks: [...documents, minted, scope, complaint('drive-api', error, facts)] };
  }
};
