import type { DoctorDependencies } from './dependencies.ts';
import { memberOf, projectOf } from './remedies.ts';
import { type Check, type Fault, fromFaults, passed, skipped, unseen } from './report.ts';
import type { Sight, Subscription, Unseen } from './subscription.ts';
import { creationOf, faultOf, flagsOf } from './subscription-faults.ts';

const missing = (config: DoctorDependencies['config'], name: string): Fault => ({
  result: 'failed',
  detail: `${name} does not exist.`,
  remedy: `${creationOf(config, name)}; or correct its name under "pubsub" in the configuration`,
});

interface Hidden {
  name: string;
  why: Unseen;
}

/** The courier works without the right to look, so that it lacks it is no fault. */
const notSeen = (hidden: readonly Hidden[], runtime: string | undefined): Check => {
  const what = hidden.map(({ name }) => name).join(', ');
  const each = (command: (flags: string) => string): string =>
    hidden.map(({ name }) => command(flagsOf(name))).join('; ');
  const describe = each((flags) => `gcloud pubsub subscriptions describe ${flags}`);
  const is = (reason: Unseen): boolean => hidden.every(({ why }) => why === reason);
  if (is('disabled')) {
    const enable = `gcloud services enable pubsub.googleapis.com --project=${projectOf(runtime)}`;
    return unseen('subscriptions', `the Pub/Sub API is off in the courier's project, so ${what} is not seen.`, enable);
  }
  if (!is('forbidden')) return unseen('subscriptions', `Pub/Sub does not answer about ${what}.`, describe);
  const grant = each(
    (flags) =>
      `gcloud pubsub subscriptions add-iam-policy-binding ${flags} --member=${memberOf(runtime)} --role=roles/pubsub.viewer`,
  );
  return unseen(
    'subscriptions',
    `${runtime ?? 'the courier'} may not see ${what}, or it does not exist. The courier works without; look yourself, or let the doctor look.`,
    `${describe}; ${grant}`,
  );
};

const told = (name: string, { pushConfig, ackDeadlineSeconds }: Subscription): string =>
  `${name} pushes to ${pushConfig.pushEndpoint} as ${pushConfig.oidcToken?.serviceAccountEmail}, and waits ${ackDeadlineSeconds} s.`;

/** The subscriptions that deliver to a destination, as Pub/Sub has them. */
export const checkSubscriptions = async (
  { config }: Pick<DoctorDependencies, 'config'>,
  destination: string,
  { sightOf, runtimeEmail }: { sightOf: (name: string) => Promise<Sight>; runtimeEmail: string | undefined },
): Promise<Check> => {
  const feeding = Object.entries(config.pubsub.subscriptions).filter(([, { destinations }]) =>
    destinations.includes(destination),
  );
  if (feeding.length === 0) return skipped('subscriptions', 'No subscription delivers here.');
  const sights = await Promise.all(feeding.map(async ([name]) => ({ name, sight: await sightOf(name) })));
  const faults: Fault[] = [];
  const inOrder: string[] = [];
  const hidden: Hidden[] = [];
  for (const { name, sight } of sights) {
    if (sight === 'missing') faults.push(missing(config, name));
    else if ('unseen' in sight) hidden.push({ name, why: sight.unseen });
    else {
      const fault = faultOf(config, name, sight);
      if (fault === undefined) inOrder.push(told(name, sight));
      else faults.push(fault);
    }
  }
  const notChecked = hidden.length === 0 ? undefined : notSeen(hidden, runtimeEmail);
  if (faults.length > 0) return fromFaults('subscriptions', notChecked?.detail ?? '', faults);
  return notChecked ?? passed('subscriptions', inOrder.join(' '));
};
