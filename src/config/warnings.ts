import type { z } from 'zod';
import type { document } from './document.ts';
import { warningsOfLimits } from './memory.ts';

type Document = z.infer<typeof document>;

/** A token for this address has it to the letter, and nobody asks for one with a slash that Cloud Run does not show. */
const trailingSlashes = ({ audiences }: Document): string[] =>
  audiences.flatMap((audience, index) =>
    /^https:\/\/[^/]+\/$/.test(audience)
      ? [
          `audiences.${index}: "${audience}" ends with "/"; tokens for "${audience.slice(0, -1)}" are refused unless that is listed, too`,
        ]
      : [],
  );

const unnamed = ({ destinations, pubsub }: Document): string[] => {
  const ways: [string, readonly string[]][] = [
    ...Object.entries(pubsub.subscriptions).map(([name, { destinations }]): [string, readonly string[]] => [
      `pubsub.subscriptions.${name}`,
      destinations,
    ]),
    ['pubsub.eventDestinations', pubsub.eventDestinations],
  ];
  return [
    ...(Object.keys(destinations).length > 1 && !Object.hasOwn(destinations, 'default')
      ? ['destinations: none is called "default", so every request must name one']
      : []),
    ...ways
      .filter(([, names]) => names.length > 1 && !names.includes('default'))
      .map(([where]) => `${where}: lists several destinations and not "default", so every message must name one`),
  ];
};

/** What can be used, but perhaps not as the operator thinks. */
export const warningsOf = (config: Document, memoryBytes: number): string[] => [
  ...trailingSlashes(config),
  ...unnamed(config),
  ...(config.operators.length === 0 ? ['operators: nobody is listed, so nobody can ask for GET /v1/doctor'] : []),
  ...(Object.keys(config.pubsub.subscriptions).length > 0 && config.pubsub.deadLetterTopic === undefined
    ? ['pubsub.deadLetterTopic: not set, so a message that can never be delivered is only logged']
    : []),
  ...warningsOfLimits(config.limits, memoryBytes),
];
