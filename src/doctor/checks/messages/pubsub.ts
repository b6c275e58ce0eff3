import type { Config } from '../../../config/config.ts';
import { isTableSource } from '../../../config/schema/sources.ts';
import type { DoctorDependencies } from '../../dependencies.ts';
import { USE_FIRESTORE } from '../../remedies.ts';
import { type Check, type Fault, fromFaults, passed, skipped } from '../../report.ts';
import type { SubscriptionState } from '../../subscription/state.ts';
import { faultOfTopic, type TopicTester } from './topic.ts';

const NAME_TOPIC =
  'gcloud pubsub topics create exports-failed --project=PROJECT, and in the configuration: pubsub: {deadLetterTopic: projects/PROJECT/topics/exports-failed}';

const MEMORY: Fault = {
  result: 'warned',
  detail: 'The ledger is in memory: a message that is redelivered to another instance creates a second file.',
  remedy: USE_FIRESTORE,
};
const NO_TOPIC: Fault = {
  result: 'warned',
  detail: 'Messages that cannot be delivered are only logged.',
  remedy: NAME_TOPIC,
};
const DEAD_LETTERS = { what: 'The dead-letter topic', severity: 'failed' } as const;
const PREFIXES = {
  what: 'The topic',
  effect: 'Messages about a prefix cannot be published there as one message for each object.',
  severity: 'warned',
} as const;

interface PubsubOptions {
  mayPublish: TopicTester;
  readSubscription(name: string): Promise<SubscriptionState>;
  runtimeEmail: string | undefined;
}

type NamedSubscription = [name: string, subscription: Config['pubsub']['subscriptions'][string]];

/** The topics of subscriptions that accept messages with a prefix. A topic that cannot be determined is left out. */
const fanOutTopics = async (
  { destinations }: Pick<Config, 'destinations'>,
  delivering: readonly NamedSubscription[],
  destination: string,
  readSubscription: PubsubOptions['readSubscription'],
): Promise<string[]> => {
  const hasObjects = (sources: readonly string[] = []): boolean => sources.some((source) => !isTableSource(source));
  const topics = await Promise.all(
    delivering.map(async ([name, { topic, sources }]) => {
      if (!hasObjects(sources) && !hasObjects(destinations[destination]?.sources)) return undefined;
      if (topic !== undefined) return topic;
      const state = await readSubscription(name);
      // The topic of a subscription whose own was deleted is "_deleted-topic_".
      return typeof state === 'object' && 'topic' in state && state.topic.startsWith('projects/')
        ? state.topic
        : undefined;
    }),
  );
  return [...new Set(topics.filter((topic) => topic !== undefined))];
};

/**
 * Checks the topics to which the courier publishes, and the ledger, for destinations that receive messages. Subscriptions have a
 * check of their own.
 */
export const checkPubsub = async (
  { config }: Pick<DoctorDependencies, 'config'>,
  destination: string,
  { mayPublish, readSubscription, runtimeEmail }: PubsubOptions,
): Promise<Check> => {
  const { subscriptions, deadLetterTopic, eventDestinations } = config.pubsub;
  const delivering = Object.entries(subscriptions).filter(([, { destinations }]) => destinations.includes(destination));
  if (delivering.length === 0 && !eventDestinations.includes(destination))
    return skipped('pubsub', 'No subscription delivers to this destination.');
  const topics = await fanOutTopics(config, delivering, destination, readSubscription);
  const fanOut = await Promise.all(
    topics.map(async (topic) => faultOfTopic(topic, await mayPublish(topic), PREFIXES, runtimeEmail)),
  );
  const faults: Fault[] = [
    ...(deadLetterTopic === undefined
      ? [NO_TOPIC]
      : faultOfTopic(deadLetterTopic, await mayPublish(deadLetterTopic), DEAD_LETTERS, runtimeEmail)),
    ...fanOut.flat(),
    ...(config.ledger === 'memory' ? [MEMORY] : []),
  ];
  const from = `Messages come from ${delivering.length === 0 ? 'events' : delivering.map(([name]) => name).join(', ')}.`;
  if (faults.length === 0) return passed('pubsub', `${from} Dead letters go to ${deadLetterTopic}.`);
  return fromFaults('pubsub', from, faults);
};
