import type { DestinationConfig } from '../config/destination.ts';
import { asCourierError } from '../errors.ts';
import { checkClock } from './clock.ts';
import type { DoctorDependencies } from './dependencies.ts';
import { checkFolder } from './folder.ts';
import { checkInvoker } from './invoker.ts';
import { checkLedger } from './ledger.ts';
import { checkByWriting } from './probe.ts';
import { checkPubsub } from './pubsub.ts';
import { type Check, type DoctorReport, failed, findingsOf, passed, skipped, warned } from './report.ts';
import { checkRight, type Finding } from './right.ts';
import { checkSources, createBucketSight } from './sources.ts';
import { createSubscriptionSight } from './subscription.ts';
import { checkSubscriptions } from './subscriptions.ts';

/** The order in which a delivery would meet them; then what stands around it. */
const CHECKS = [
  'configuration',
  'clock',
  'ledger',
  'identity',
  'secret',
  'key',
  'token',
  'scope',
  'drive-api',
  'folder',
  'search',
  'writable',
  'storage',
  'sharing',
  'pubsub',
  'subscriptions',
  'sources',
  'invoker',
  'probe',
] as const;

/** The doctor answers even when Google does not. */
const PATIENCE_MS = 25_000;

const checkConfiguration = ({ config }: DoctorDependencies, { credentials, share }: DestinationConfig): Check => {
  const { secret, file, impersonate, subject } = config.credentials[credentials] ?? {};
  const way =
    secret ?? file ?? (impersonate === undefined ? "the platform's own identity" : `acting as ${impersonate}`);
  const detail = `Credentials "${credentials}": ${way}${subject ? `, on behalf of ${subject}` : ''}.`;
  return share.some(({ type }) => type === 'anyone')
    ? warned(
        'configuration',
        `${detail} Each file is shared with everybody on the internet.`,
        'If that is not meant, remove "anyone" from the destination\'s "share".',
      )
    : passed('configuration', detail);
};

const GIVE_IDENTITY =
  'gcloud run services update SERVICE --service-account=SERVICE_ACCOUNT; elsewhere set GOOGLE_APPLICATION_CREDENTIALS to a credentials file.';

interface Self {
  check: Check;
  email: string | undefined;
}

/** Who the courier itself is: it reads secrets, impersonates and writes the ledger as that. */
const lookAtSelf = async ({ runtime, log }: DoctorDependencies): Promise<Self> => {
  try {
    await runtime.token();
    const email = await runtime.email();
    return { check: passed('identity', `The courier runs as ${email ?? 'an identity without a name'}.`), email };
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error }, 'the doctor finds no identity');
    const check = error.retryable
      ? failed('identity', 'Neither a metadata server nor the token service answers.', GIVE_IDENTITY)
      : failed('identity', error.detail ?? `${error.title}.`, error.remedy);
    return { check, email: undefined };
  }
};

/** All checks in order; what was not reached is skipped, because of what failed before it. */
const inOrder = (found: readonly Check[]): Check[] => {
  const culprit = CHECKS.find((name) => found.some(({ check, result }) => check === name && result === 'failed'));
  return CHECKS.map(
    (name) =>
      found.find(({ check }) => check === name) ?? skipped(name, `Not looked at: first mend what "${culprit}" says.`),
  );
};

export interface Examination {
  /** Whether a probe file is put into each folder. */
  write: boolean;
  /** Only what a delivery needs, and nothing that stands around it. */
  essentials?: boolean;
}

/** Looks at every destination at once; what they have in common is looked at once. */
export const examine = async (
  dependencies: DoctorDependencies,
  { write, essentials = false }: Examination,
): Promise<DoctorReport> => {
  const { config, now } = dependencies;
  const context = { deadlineMs: now() + PATIENCE_MS };
  const { deadlineMs } = context;
  const [self, clock] = await Promise.all([lookAtSelf(dependencies), checkClock(dependencies, deadlineMs)]);
  const ledger = checkLedger(dependencies, self.email);
  const invoker = essentials ? undefined : checkInvoker(dependencies, { runtimeEmail: self.email, deadlineMs });
  const sightOf = createSubscriptionSight(dependencies, deadlineMs);
  const bucketSightOf = createBucketSight(dependencies, deadlineMs);

  const rights = new Map<string, ReturnType<DoctorDependencies['right']>>();
  const findings = new Map<string, Promise<Finding>>();
  for (const name of new Set(Object.values(config.destinations).map(({ credentials }) => credentials))) {
    const needsSelf = config.credentials[name]?.file === undefined;
    if (needsSelf && self.check.result === 'failed') continue;
    const right = dependencies.right(name);
    rights.set(name, right);
    findings.set(name, checkRight(dependencies, name, right, { runtime: self.email, context }));
  }

  const lookAround = async (name: string): Promise<Check[]> =>
    invoker === undefined
      ? []
      : [
          await checkPubsub(dependencies, name, { runtimeEmail: self.email, deadlineMs }),
          await checkSubscriptions(dependencies, name, { sightOf, runtimeEmail: self.email }),
          await checkSources(dependencies, name, { sightOf: bucketSightOf, runtimeEmail: self.email }),
          await invoker,
        ];

  const lookAt = async (name: string, destinationConfig: DestinationConfig): Promise<Check[]> => {
    const { credentials } = destinationConfig;
    const right = rights.get(credentials);
    const credential = config.credentials[credentials];
    const finding = await findings.get(credentials);
    const isOwn = credential?.file === undefined || config.ledger !== 'memory';
    const found = [
      checkConfiguration(dependencies, destinationConfig),
      clock,
      await ledger,
      isOwn ? self.check : skipped('identity', 'Not needed: the key is in a file.'),
      ...(finding?.checks ?? []),
      ...(await lookAround(name)),
    ];
    if (right === undefined || credential === undefined || finding?.ready === undefined) return inOrder(found);
    const destination = { name, config: destinationConfig, drive: right.drive };
    found.push(...(await checkFolder(dependencies, destination, finding.ready, context)));
    if (!write) found.push(skipped('probe', 'Nothing is written unless asked for: courier doctor --write'));
    else if (found.some(({ check, result }) => check === 'writable' && result === 'passed')) {
      const facts = { account: finding.ready.account, runtime: self.email, name: credentials, config: credential };
      found.push(await checkByWriting(dependencies, destination, facts, context));
    }
    return inOrder(found);
  };

  const destinations = await Promise.all(
    Object.entries(config.destinations).map(async ([name, destination]) => {
      const checks = await lookAt(name, destination);
      return [name, { ok: checks.every(({ result }) => result !== 'failed'), checks }] as const;
    }),
  );
  const byName = Object.fromEntries(destinations);
  return { ok: destinations.every(([, { ok }]) => ok), findings: findingsOf(byName), destinations: byName };
};
