import type { Plan } from '../plan.ts';
import { planChanged, revisePlan, type UploadStep } from './upload-step.ts';

/**
 * The same step with another account of the destination, after Drive has refused the bytes because of a quota of this one.
 *
 * The file keeps its id, so that tries with different accounts still end in one file. The ledger is updated first: tries that
 * have not sent their last byte yet see it, and later ones use the same account.
 * @throws what was thrown, if another account cannot help
 */
export const nextAccount = async (step: UploadStep, thrown: unknown): Promise<UploadStep> => {
  const { request, claim, log } = step;
  const { accounts } = request.destination;
  const destination = accounts?.instead(thrown);
  if (accounts === undefined || destination?.accounts === undefined) throw thrown;
  const { name: credentials } = destination.accounts;
  log.warn(
    { error: thrown, destination: destination.name, credentials: accounts.name, next: credentials },
    'Drive refuses uploads of an account; the next account of the destination is used',
  );
  const plan: Plan = { ...step.plan, credentials };
  if (claim !== undefined && (await revisePlan(claim, plan)) !== undefined) throw planChanged();
  return { ...step, plan, request: { ...request, destination } };
};
