import { z } from 'zod';
import type { DoctorDependencies } from './dependencies.ts';
import { memberOf } from './remedies.ts';
import { type Check, failed, passed, skipped, warned } from './report.ts';

const permitted = z.object({ permissions: z.array(z.string()).default([]) });

const PUBLISH = 'pubsub.topics.publish';

/**
 * Whether the courier may publish to the dead-letter topic; undefined where Google does not say.
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

/** The queue before a destination, as far as it can be seen from here. */
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
    return skipped('pubsub', 'No subscription delivers here.');
  const from = feeding.length === 0 ? 'events' : feeding.join(', ');
  if (config.ledger === 'memory')
    return warned(
      'pubsub',
      `From ${from}; but the ledger is in memory, so that a message that comes again to another instance makes a second file.`,
      'gcloud firestore databases create --location=LOCATION --type=firestore-native, and in the configuration: ledger: {firestore: {}}',
    );
  if (deadLetterTopic === undefined)
    return warned(
      'pubsub',
      `From ${from}; a message that can never be delivered is only logged.`,
      'gcloud pubsub topics create exports-failed --project=PROJECT, and in the configuration: pubsub: {deadLetterTopic: projects/PROJECT/topics/exports-failed}',
    );
  const [, project = 'PROJECT', topic = 'TOPIC'] = /^projects\/([^/]+)\/topics\/([^/]+)$/.exec(deadLetterTopic) ?? [];
  switch (await mayPublish(dependencies, deadLetterTopic, deadlineMs)) {
    case true:
      return passed('pubsub', `From ${from}; dead letters to ${deadLetterTopic}.`);
    case false:
      return failed(
        'pubsub',
        `The topic for dead letters, ${deadLetterTopic}, is missing, or the courier may not publish to it.`,
        `gcloud pubsub topics create ${topic} --project=${project}; gcloud pubsub topics add-iam-policy-binding ${topic} --project=${project} --member=${memberOf(runtimeEmail)} --role=roles/pubsub.publisher`,
      );
    case undefined:
      return warned(
        'pubsub',
        `From ${from}; whether the courier may publish to ${deadLetterTopic} cannot be seen.`,
        `gcloud pubsub topics get-iam-policy ${topic} --project=${project}`,
      );
  }
};
