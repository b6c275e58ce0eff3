import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CourierClientError, failure } from '../errors.ts';
import type { Identity, Surroundings } from './identity.ts';

const execute = promisify(execFile);
/** It is a program in Python, which may be started for the first time, and makes calls of its own. */
const CALLS = 3;

type Place = Pick<Surroundings, 'env' | 'callMs'>;

/** @returns what it printed; undefined when there is no gcloud */
const gcloud = async ({ env, callMs }: Place, ...args: string[]): Promise<string | undefined> => {
  const timeout = CALLS * callMs;
  try {
    // Impersonation is done here, for every kind of identity alike; twice would ask the account to act as itself.
    const { CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT: _, ...rest } = env;
    const { stdout } = await execute('gcloud', [...args, '--quiet'], { env: rest, timeout });
    return stdout.trim();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    // `killed` is set by the time limit alone; what printed too much is told by a code of its own.
    const { stderr = '', killed = false } = error as { stderr?: string; killed?: boolean };
    if (killed) throw failure('google-unreachable', { detail: `gcloud: no answer within ${timeout / 1000} seconds` });
    // Its first line says what is wrong; the rest is advice about gcloud itself.
    const [reason = 'it failed'] = /ERROR: (?:\([\w.-]+\) )?([^\n]+)/.exec(stderr)?.slice(1) ?? [];
    throw failure('identity-refused', {
      detail: `gcloud: ${reason}`,
      remedy: 'Run "gcloud auth login" and try again.',
    });
  }
};

const printed = async (place: Place, ...args: string[]): Promise<string> => {
  const text = await gcloud(place, ...args);
  if (text === undefined || text === '') throw failure('identity-refused', { detail: 'gcloud printed no token.' });
  return text;
};

/** One that refuses to say has none; one that is too slow may have one, and then the call is worth trying again. */
const activeAccount = async (place: Place): Promise<string | undefined> => {
  try {
    return await gcloud(place, 'config', 'get-value', 'account');
  } catch (error) {
    if (error instanceof CourierClientError && !error.retryable) return undefined;
    throw error;
  }
};

const isServiceAccount = (account: string): boolean => account.endsWith('.gserviceaccount.com');

/** The account that gcloud is signed in with: the last resort. */
export const findGcloud = async (place: Place): Promise<Identity | undefined> => {
  const account = await activeAccount(place);
  if (account === undefined || !account.includes('@')) return undefined;
  const base = {
    kind: 'gcloud',
    foundBy: `gcloud's active account`,
    account,
    accessToken: (scopes) =>
      isServiceAccount(account) && scopes.length > 0
        ? printed(place, 'auth', 'print-access-token', `--scopes=${scopes.join(',')}`)
        : printed(place, 'auth', 'print-access-token'),
  } satisfies Omit<Identity, 'idToken'>;
  if (isServiceAccount(account)) {
    return {
      ...base,
      idToken: (audience) => printed(place, 'auth', 'print-identity-token', `--audiences=${audience}`),
    };
  }
  return {
    ...base,
    warning:
      "Calling as gcloud's user: such a token names gcloud itself as its audience, so it can be replayed elsewhere, and a courier takes it only if its operator allowed that. Good for trying out; use --impersonate or a service account for anything else.",
    // gcloud refuses --audiences for people.
    idToken: () => printed(place, 'auth', 'print-identity-token'),
  };
};
