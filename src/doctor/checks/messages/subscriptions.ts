import type { DoctorDependencies } from '../../dependencies.ts';
import { memberOf, projectOf } from '../../remedies.ts';
import { type Check, type Fault, fromFaults, notChecked, passed, skipped } from '../../report.ts';
import { creationOf, faultOf, flagsOf } from '../../subscription/faults.ts';
import type { Subscription, SubscriptionState, UnknownReason } from '../../subscription/state.ts';

const missing = (config: DoctorDependencies['config'], name: string): Fault => ({
  result: 'failed',
  detail: `${name} does not exist.`,
  remedy: `${creationOf(config, name)}; or correct its name under "pubsub" in the configuration`,
});

interface UnknownSubscription {
  name: string;
  why: UnknownReason;
}

/** The courier works without the permission to read subscriptions, so a missing permission is not a fault. */
const unknownCheck = (unknown: readonly UnknownSubscription[], runtime: string | undefined): Check => {
  const what = unknown.map(({ name }) => name).join(', ');
  const each = (command: (flags: string) => string): string =>
    unknown.map(({ name }) => command(flagsOf(name))).join('; ');
  const describe = each((flags) => `gcloud pubsub subscriptions describe ${flags}`);
  const is = (reason: UnknownReason): boolean => unknown.every(({ why }) => why === reason);
  if (is('disabled')) {
    const enable = `gcloud services enable pubsub.googleapis.com --project=${projectOf(runtime)}`;
    return notChecked(
      'subscriptions',
      `the Pub/Sub API is disabled in the courier's project, so ${what} cannot be read.`,
      enable,
    );
  }
  if (!is('forbidden')) return notChecked('subscriptions', `Pub/Sub does not answer for ${what}.`, describe);
  const grant = each(
    (flags) =>
      `gcloud pubsub subscriptions add-iam-policy-binding ${flags} --member=${memberOf(runtime)} --role=roles/pubsub.viewer`,
  );
  return notChecked(
    'subscriptions',
    `${runtime ?? 'the courier'} is not allowed to read ${what}, or it does not exist. The courier does not need this permission. Check by hand, or grant it to the doctor.`,
    `${describe}; ${grant}`,
  );
};

const describe = (name: string, { pushConfig, ackDeadlineSeconds }: Subscription): string =>
  `${name} pushes to ${pushConfig.pushEndpoint} as ${pushConfig.oidcToken?.serviceAccountEmail}, with an acknowledgement deadline of ${ackDeadlineSeconds} s.`;

/** Checks the settings of the subscriptions that deliver to a destination. */
export const checkSubscriptions = async (
  { config }: Pick<DoctorDependencies, 'config'>,
  destination: string,
  {
    readSubscription,
    runtimeEmail,
  }: { readSubscription: (name: string) => Promise<SubscriptionState>; runtimeEmail: string | undefined },
): Promise<Check> => {
  const feeding = Object.entries(config.pubsub.subscriptions).filter(([, { destinations }]) =>
    destinations.includes(destination),
  );
  if (feeding.length === 0) return skipped('subscriptions', 'No subscription delivers to this destination.');
  const states = await Promise.all(feeding.map(async ([name]) => ({ name, state: await readSubscription(name) })));
  const faults: Fault[] = [];
  const inOrder: string[] = [];
  const unknown: UnknownSubscription[] = [];
  for (const { name, state } of states) {
    if (state === 'missing') faults.push(missing(config, name));
    else if ('unknown' in state) unknown.push({ name, why: state.unknown });
    else {
      const fault = faultOf(config, name, state);
      if (fault === undefined) inOrder.push(describe(name, state));
      else faults.push(fault);
    }
  }
  const unknownResult = unknown.length === 0 ? undefined : unknownCheck(unknown, runtimeEmail);
  if (faults.length > 0) return fromFaults('subscriptions', unknownResult?.detail ?? '', faults);
  return unknownResult ?? passed('subscriptions', inOrder.join(' '));
};
