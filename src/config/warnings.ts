import type { z } from 'zod';
import { warningsOfLimits } from './memory.ts';
import type { document } from './schema/document.ts';

type Document = z.infer<typeof document>;

/** A token's audience must match exactly, and Cloud Run shows the service's URL without a trailing slash. */
const trailingSlashes = ({ audiences }: Document): string[] =>
  audiences.flatMap((audience, index) =>
    /^https:\/\/[^/]+\/$/.test(audience)
      ? [
          `audiences.${index}: "${audience}" ends with "/"; tokens for "${audience.slice(0, -1)}" are rejected unless it is also listed`,
        ]
      : [],
  );

const withoutDefault = ({ destinations, pubsub }: Document): string[] => {
  const lists: [string, readonly string[]][] = [
    ...Object.entries(pubsub.subscriptions).map(([name, { destinations }]): [string, readonly string[]] => [
      `pubsub.subscriptions.${name}`,
      destinations,
    ]),
    ['pubsub.eventDestinations', pubsub.eventDestinations],
  ];
  return [
    ...(Object.keys(destinations).length > 1 && !Object.hasOwn(destinations, 'default')
      ? ['destinations: none is named "default", so every request must specify one']
      : []),
    ...lists
      .filter(([, names]) => names.length > 1 && !names.includes('default'))
      .map(([where]) => `${where}: lists several destinations but not "default", so every message must specify one`),
  ];
};

/** What is valid, but may not be what the operator intends. */
export const warningsOf = (config: Document, memoryBytes: number): string[] => [
  ...trailingSlashes(config),
  ...withoutDefault(config),
  ...(config.operators.length === 0 ? ['operators: the list is empty, so nobody can call GET /v1/doctor'] : []),
  ...(Object.keys(config.pubsub.subscriptions).length > 0 && config.pubsub.deadLetterTopic === undefined
    ? ['pubsub.deadLetterTopic: not set, so messages that cannot be delivered are only logged']
    : []),
  ...warningsOfLimits(config.limits, memoryBytes),
];
