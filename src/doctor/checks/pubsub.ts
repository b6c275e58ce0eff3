import { z } from 'zod';
import type { DoctorDependencies } from '../dependencies.ts';
import { memberOf } from '../remedies.ts';
import { type Check, type Fault, fromFaults, passed, skipped } from '../report.ts';

const permitted = z.object({ permissions: z.array(z.string()).default([]) });

const PUBLISH = 'pubsub.topics.publish';

/**
 * Whether the courier can publish to the dead-letter topic; undefined if Google does not tell.
 * "If the resource does not exist, this will return an empty set of permissions" (Pub/Sub's testIamPermissions).
 */
const mayPublish = async (
  { transport, runtime }: Pick<DoctorDependencies, 'transport' | 'runtime'>,
  topic: string,
  deadlineMs: number,
): Promise<boolean | undefined> => {
  try {
    const { status, body } = await transport.send({
      operation: 'pubsub.topics.testIamPermissions',
      method: 'POST',
      url: `https://pubsub.googleapis.com/v1/${topic}:testIamPermissions`,
      headers: { authorization: `Bearer ${await runtime.token()}`, 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ permissions: [PUBLISH] })),
      retry: 'idempotent',
      deadlineMs,
    });
    return status === 200 ? permitted.parse(JSON.parse(body.toString())).permissions.includes(PUBLISH) : undefined;
  } catch {
    return undefined;
  }
};

const USE_FIRESTORE =
  'gcloud firestore databases create --location=LOCATION --type=firestore-native, and in the configuration: ledger: {firestore: {}}';

const NAME_TOPIC =
  'gcloud pubsub topics create exports-failed --project=PROJECT, and in the configuration: pubsub: {deadLetterTopic: projects/PROJECT/topics/exports-failed}';

const faultOfTopic = (name: string | undefined, may: boolean | undefined, runtime: string | undefined): Fault[] => {
  if (name === undefined)
    return [{ result: 'warned', detail: 'Messages that cannot be delivered are only logged.', remedy: NAME_TOPIC }];
  const [, project = 'PROJECT', topic = 'TOPIC'] = /^projects\/([^/]+)\/topics\/([^/]+)$/.exec(name) ?? [];
  const flags = `${topic} --project=${project}`;
  if (may === undefined)
    return [
      {
        result: 'warned',
        detail: `It is unknown whether the courier can publish to ${name}.`,
        remedy: `gcloud pubsub topics get-iam-policy ${flags}`,
      },
    ];
  if (may) return [];
  return [
    {
      result: 'failed',
      detail: `The dead-letter topic ${name} does not exist, or the courier is not allowed to publish to it.`,
      remedy: `gcloud pubsub topics create ${flags}; gcloud pubsub topics add-iam-policy-binding ${flags} --member=${memberOf(runtime)} --role=roles/pubsub.publisher`,
    },
  ];
};

/** Checks the dead-letter topic and the ledger for destinations that receive messages. Subscriptions have a check of their own. */
export const checkPubsub = async (
  dependencies: Pick<DoctorDependencies, 'config' | 'transport' | 'runtime'>,
  destination: string,
  { runtimeEmail, deadlineMs }: { runtimeEmail: string | undefined; deadlineMs: number },
): Promise<Check> => {
  const { config } = dependencies;
  const { subscriptions, deadLetterTopic, eventDestinations } = config.pubsub;
  const feeding = Object.entries(subscriptions)
    .filter(([, { destinations }]) => destinations.includes(destination))
    .map(([name]) => name);
  if (feeding.length === 0 && !eventDestinations.includes(destination))
    return skipped('pubsub', 'No subscription delivers to this destination.');
  const may = deadLetterTopic === undefined ? undefined : await mayPublish(dependencies, deadLetterTopic, deadlineMs);
  const faults: Fault[] = [
    ...faultOfTopic(deadLetterTopic, may, runtimeEmail),
    ...(config.ledger === 'memory'
      ? [
          {
            result: 'warned' as const,
            detail: 'The ledger is in memory: a message that is redelivered to another instance creates a second file.',
            remedy: USE_FIRESTORE,
          },
        ]
      : []),
  ];
  const from = `Messages come from ${feeding.length === 0 ? 'events' : feeding.join(', ')}.`;
  if (faults.length === 0) return passed('pubsub', `${from} Dead letters go to ${deadLetterTopic}.`);
  return fromFaults('pubsub', from, faults);
};
