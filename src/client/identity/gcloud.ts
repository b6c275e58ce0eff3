import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isServiceAccount } from '../../text/google/service-account.ts';
import { CourierClientError, failure } from '../errors.ts';
import type { Identity, SearchContext } from './identity.ts';

const execute = promisify(execFile);
/** gcloud starts slowly and makes several calls, so it has this many times the limit of one call. */
const CALLS = 3;

type GcloudContext = Pick<SearchContext, 'env' | 'callMs'>;

/** @returns what it printed; undefined if gcloud is not installed */
const gcloud = async ({ env, callMs }: GcloudContext, ...args: string[]): Promise<string | undefined> => {
  const timeout = CALLS * callMs;
  try {
    // This client impersonates for every kind of identity. If gcloud did so too, the account would impersonate itself.
    const { CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT: _, ...rest } = env;
    const { stdout } = await execute('gcloud', [...args, '--quiet'], { env: rest, timeout });
    return stdout.trim();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    // Only the time limit sets `killed`. Too much output has a code of its own.
    const { stderr = '', killed = false } = error as { stderr?: string; killed?: boolean };
    if (killed) throw failure('google-unreachable', { detail: `gcloud: no answer within ${timeout / 1000} seconds` });
    // The first line has the reason. The rest is advice about gcloud.
    const [reason = 'failed'] = /ERROR: (?:\([\w.-]+\) )?([^\n]+)/.exec(stderr)?.slice(1) ?? [];
    throw failure('identity-refused', {
      detail: `gcloud: ${reason}`,
      remedy: 'Run "gcloud auth login" and try again.',
    });
  }
};

const printed = async (context: GcloudContext, ...args: string[]): Promise<string> => {
  const text = await gcloud(context, ...args);
  if (text === undefined || text === '') throw failure('identity-refused', { detail: 'gcloud printed no token.' });
  return text;
};

/** A gcloud that fails has no account. One that is too slow may have one, so that error can be retried. */
const activeAccount = async (context: GcloudContext): Promise<string | undefined> => {
  try {
    return await gcloud(context, 'config', 'get-value', 'account');
  } catch (error) {
    if (error instanceof CourierClientError && !error.retryable) return undefined;
    throw error;
  }
};

/** The account that gcloud is signed in with. It is the last resort. */
export const findGcloud = async (context: GcloudContext): Promise<Identity | undefined> => {
  const account = await activeAccount(context);
  if (account === undefined || !account.includes('@')) return undefined;
  const base = {
    kind: 'gcloud',
    foundBy: `gcloud's active account`,
    account,
    accessToken: (scopes) =>
      isServiceAccount(account) && scopes.length > 0
        ? printed(context, 'auth', 'print-access-token', `--scopes=${scopes.join(',')}`)
        : printed(context, 'auth', 'print-access-token'),
  } satisfies Omit<Identity, 'idToken'>;
  if (isServiceAccount(account)) {
    return {
      ...base,
      idToken: (audience) => printed(context, 'auth', 'print-identity-token', `--audiences=${audience}`),
    };
  }
  return {
    ...base,
    warning:
      "Calling as gcloud's user. The token's audience is gcloud itself, so other services could replay it, and a courier accepts it only if its operator allowed that. Use --impersonate or a service account for anything but a trial.",
    // gcloud rejects --audiences for user accounts.
    idToken: () => printed(context, 'auth', 'print-identity-token'),
  };
};
