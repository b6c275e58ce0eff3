import { asCourierError } from '../../errors.ts';
import type { DoctorDependencies } from '../dependencies.ts';
import { type Check, failed, failedWith, passed } from '../report.ts';

const SET_IDENTITY =
  'gcloud run services update SERVICE --service-account=SERVICE_ACCOUNT; elsewhere set GOOGLE_APPLICATION_CREDENTIALS to a credentials file.';

export interface OwnIdentity {
  check: Check;
  email: string | undefined;
}

/** The identity of the courier itself, with which it reads secrets, impersonates accounts and writes the ledger. */
export const checkIdentity = async ({ runtime, log }: DoctorDependencies): Promise<OwnIdentity> => {
  try {
    await runtime.token();
    const email = await runtime.email();
    return { check: passed('identity', `The courier runs as ${email ?? 'an unknown identity'}.`), email };
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error }, 'The doctor cannot find the identity of the courier');
    const check = error.retryable
      ? failed('identity', 'Neither the metadata server nor the token service answers.', SET_IDENTITY)
      : failedWith('identity', error);
    return { check, email: undefined };
  }
};
