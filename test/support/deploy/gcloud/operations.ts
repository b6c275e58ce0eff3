import { readFileSync } from 'node:fs';
import { type Call, type Command, refuse } from './call.ts';
import type { Json } from './state.ts';

type Kind = keyof Call['state']['monitoring'];

const fileOf = (path: string | undefined): Json => JSON.parse(readFileSync(path ?? refuse('no file'), 'utf8')) as Json;

/** The members that Google adds. */
const kept = (call: Call, kind: Kind, name: string, given: Json): void => {
  const { monitoring, changes } = call.state;
  monitoring[kind][name] = { ...given, name, etag: `etag-${changes.length}`, mutationRecord: { mutatedBy: 'x' } };
};

/** Log-based metrics that a filter or query names must exist, and be a few minutes old. */
const needMetrics = ({ state, refuseWhileLagging }: Call, policy: Json): void => {
  const text = JSON.stringify(policy);
  const named = [
    ...[...text.matchAll(/logging\.googleapis\.com\/user\/([\w-]+)/g)].map(([, name = '']) => name),
    ...[...text.matchAll(/logging_googleapis_com:user_(\w+?)(?:_sum|_count)?\b/g)].map(([, name = '']) =>
      name.replaceAll('_', '-'),
    ),
  ];
  for (const name of named) {
    const words = `NOT_FOUND: Cannot find metric(s) that match type = "logging.googleapis.com/user/${name}". If a metric was created recently, it could take up to 10 minutes to become available. Please try again soon.`;
    if (state.monitoring.metrics[name] === undefined) refuse(words);
    refuseWhileLagging('metric', words);
  }
};

const list = ({ state, flags, print }: Call, kind: Kind): void => {
  const [, title] = /^displayName="(.+)"$/.exec(flags.filter ?? '') ?? [];
  const found = Object.values(state.monitoring[kind]).filter(
    ({ displayName }) => title === undefined || displayName === title,
  );
  print(flags.format === 'json' ? JSON.stringify(found, undefined, 2) : found.map(({ name }) => name).join('\n'));
};

const describe = ({ state, print }: Call, kind: Kind, name: string): void => {
  const found = state.monitoring[kind][name] ?? refuse(`NOT_FOUND: ${name} not found`);
  print(JSON.stringify(found, undefined, 2));
};

const numbered = ({ state, flags }: Call, kind: Kind): string =>
  `projects/${flags.project}/${kind === 'policies' ? 'alertPolicies' : kind}/${Object.keys(state.monitoring[kind]).length + 1}`;

const savePolicy = (call: Call, name: string): void => {
  const given = fileOf(call.flags['policy-from-file']);
  needMetrics(call, given);
  const channel = call.flags['notification-channels'];
  // "The policy will be replaced with the provided policy": channels that are missing from it are removed.
  call.change(() =>
    kept(call, 'policies', name, channel === undefined ? given : { ...given, notificationChannels: [channel] }),
  );
};

const saveDashboard = (call: Call, name: string): void => {
  const given = fileOf(call.flags['config-from-file']);
  const existing = call.state.monitoring.dashboards[name];
  if (existing !== undefined && given.etag !== existing.etag)
    refuse('ABORTED: the etag does not match that of the dashboard');
  call.change(() => kept(call, 'dashboards', name, given));
};

export const OPERATIONS: Command[] = [
  [/^logging metrics describe (\S+)$/, (call, [, name = '']) => describe(call, 'metrics', name)],
  [
    /^logging metrics (create|update) (\S+)$/,
    (call, [, verb, name = '']) => {
      if ((verb === 'create') === (call.state.monitoring.metrics[name] !== undefined))
        refuse(verb === 'create' ? `ALREADY_EXISTS: Metric ${name} already exists` : `NOT_FOUND: Metric ${name}`);
      const given = fileOf(call.flags['config-from-file']);
      call.change(() => kept(call, 'metrics', name, given));
    },
  ],
  [/^monitoring dashboards list$/, (call) => list(call, 'dashboards')],
  [/^monitoring dashboards describe (\S+)$/, (call, [, name = '']) => describe(call, 'dashboards', name)],
  [/^monitoring dashboards create$/, (call) => saveDashboard(call, numbered(call, 'dashboards'))],
  [/^monitoring dashboards update (\S+)$/, (call, [, name = '']) => saveDashboard(call, name)],
  [/^monitoring policies list$/, (call) => list(call, 'policies')],
  [/^monitoring policies describe (\S+)$/, (call, [, name = '']) => describe(call, 'policies', name)],
  [/^monitoring policies create$/, (call) => savePolicy(call, numbered(call, 'policies'))],
  [/^monitoring policies update (\S+)$/, (call, [, name = '']) => savePolicy(call, name)],
  [
    /^logging sinks describe (\S+)$/,
    ({ describe: describeThing }, [, name = '']) =>
      describeThing('sinks', name, `NOT_FOUND: Sink ${name} does not exist`),
  ],
  [
    /^logging sinks create (\S+) (\S+)$/,
    ({ flags, create }, [, name = '', destination = '']) =>
      create('sinks', name, {
        destination,
        filter: flags['log-filter'] ?? '',
        writerIdentity: 'serviceAccount:service-123456789012@gcp-sa-logging.iam.gserviceaccount.com',
      }),
  ],
  [
    /^logging sinks update (\S+) (\S+)$/,
    ({ flags, things, need, change }, [, name = '', destination = '']) => {
      need('sinks', name);
      change(() => {
        const filter = flags['log-filter'];
        things('sinks')[name] = {
          ...things('sinks')[name],
          ...{ name, destination },
          ...(filter === undefined ? {} : { filter }),
        };
      });
    },
  ],
  [/^logging sinks delete (\S+)$/, ({ remove }, [, name = '']) => remove('sinks', name)],
];
