import { type Command, refuse } from './call.ts';

const MAX_RETENTION_DAYS = 31;

const retention = (flags: Readonly<Record<string, string>>): string => {
  const [, days = '7'] = /^(\d+)d$/.exec(flags['message-retention-duration'] ?? '7d') ?? [];
  if (Number(days) > MAX_RETENTION_DAYS)
    refuse('INVALID_ARGUMENT: messageRetentionDuration must be between 10 minutes and 31 days.');
  return `${Number(days) * 86_400}s`;
};

export const MESSAGES: Command[] = [
  [
    /^pubsub topics describe (\S+)$/,
    ({ describe }, [, name = '']) => describe('topics', name, `NOT_FOUND: Resource not found (resource=${name}).`),
  ],
  [/^pubsub topics create (\S+)$/, ({ create }, [, name = '']) => create('topics', name)],
  [/^pubsub topics delete (\S+)$/, ({ remove }, [, name = '']) => remove('topics', name)],
  [
    /^pubsub subscriptions describe (\S+)$/,
    ({ describe }, [, name = '']) =>
      describe('subscriptions', name, `NOT_FOUND: Resource not found (resource=${name}).`),
  ],
  [
    /^pubsub subscriptions create (\S+)$/,
    ({ flags, need, needAccount, create }, [, name = '']) => {
      need('topics', flags.topic);
      if (flags['dead-letter-topic'] !== undefined) need('topics', flags['dead-letter-topic']);
      needAccount(flags['push-auth-service-account']);
      create('subscriptions', name, {
        'pushConfig.pushEndpoint': flags['push-endpoint'] ?? '',
        pushAccount: flags['push-auth-service-account'] ?? '',
        messageRetentionDuration: retention(flags),
      });
    },
  ],
  [
    /^pubsub subscriptions update (\S+)$/,
    ({ flags, things, need, change }, [, name = '']) => {
      need('subscriptions', name);
      change(() => {
        things('subscriptions')[name] = {
          ...things('subscriptions')[name],
          name,
          messageRetentionDuration: retention(flags),
        };
      });
    },
  ],
  [
    /^pubsub subscriptions modify-push-config (\S+)$/,
    ({ flags, things, need, change }, [, name = '']) => {
      need('subscriptions', name);
      change(() => {
        things('subscriptions')[name] = {
          ...things('subscriptions')[name],
          name,
          'pushConfig.pushEndpoint': flags['push-endpoint'] ?? '',
        };
      });
    },
  ],
  [/^pubsub subscriptions delete (\S+)$/, ({ remove }, [, name = '']) => remove('subscriptions', name)],
  [
    /^storage service-agent$/,
    ({ state, print }) => print(`service-${state.number}@gs-project-accounts.iam.gserviceaccount.com`),
  ],
  [
    /^storage buckets describe (\S+)$/,
    ({ describe }, [, name = '']) => describe('buckets', name, `${name} not found: 404.`),
  ],
  [
    /^storage buckets notifications list (\S+)$/,
    // Each entry has the keys "Bucket URL" and "Notification Configuration", and none called `topic`.
    ({ flags, things, print }, [, name = '']) => {
      const asks = flags.format === 'value("Notification Configuration".topic)';
      print(asks ? (things('notifications')[name]?.topic ?? '') : '');
    },
  ],
  [
    /^storage buckets notifications create (\S+)$/,
    ({ state, flags, things, need, change }, [, name = '']) => {
      need('buckets', name);
      const [, topic = ''] = /\/topics\/(.+)$/.exec(flags.topic ?? '') ?? [];
      need('topics', topic);
      const agent = `serviceAccount:service-${state.number}@gs-project-accounts.iam.gserviceaccount.com`;
      const held = state.policies[`pubsub topics ${topic}`] ?? [];
      if (!held.some((binding) => binding.startsWith(`roles/pubsub.publisher ${agent} `)))
        refuse(`PERMISSION_DENIED: The service account '${agent}' does not have permission to publish messages`);
      // Google creates duplicates as often as it is asked to.
      change(() => {
        const existing = things('notifications')[name]?.topic;
        const made = `//pubsub.googleapis.com/${flags.topic}`;
        things('notifications')[name] = { name, topic: existing === undefined ? made : `${existing}\n${made}` };
      });
    },
  ],
];
