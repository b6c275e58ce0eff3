import type { DoctorDependencies } from '../../dependencies.ts';
import { onceEach } from '../../once-each.ts';
import { heldPermissions } from '../../permissions.ts';
import { memberOf } from '../../remedies.ts';
import type { Fault } from '../../report.ts';

const PUBLISH = 'pubsub.topics.publish';

/** Whether the courier can publish to a topic; undefined if unknown. */
export type TopicTester = (topic: string) => Promise<boolean | undefined>;

/**
 * Creates a function that checks with Pub/Sub whether the courier can publish to a topic, once for each topic. Never rejects.
 * "If the resource does not exist, this will return an empty set of permissions" (Pub/Sub's testIamPermissions).
 */
export const createTopicTester = (
  { transport, runtime }: Pick<DoctorDependencies, 'transport' | 'runtime'>,
  deadlineMs: number,
): TopicTester => {
  return onceEach(async (topic: string) => {
    try {
      const answer = await transport.send({
        operation: 'pubsub.topics.testIamPermissions',
        method: 'POST',
        url: `https://pubsub.googleapis.com/v1/${topic}:testIamPermissions`,
        headers: { authorization: `Bearer ${await runtime.token()}`, 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify({ permissions: [PUBLISH] })),
        retry: 'idempotent',
        deadlineMs,
      });
      return answer.status === 200 ? heldPermissions(answer).includes(PUBLISH) : undefined;
    } catch {
      return undefined;
    }
  });
};

/** `NAME --project=PROJECT` */
const flagsOf = (name: string): string => {
  const [, project = 'PROJECT', topic = 'TOPIC'] = /^projects\/([^/]+)\/topics\/([^/]+)$/.exec(name) ?? [];
  return `${topic} --project=${project}`;
};

interface TopicUse {
  /** The topic, as the start of a sentence: `The dead-letter topic`. */
  what: string;
  /** What does not work without it, as a sentence; empty if that is obvious. */
  effect?: string;
  /** How bad it is if the courier cannot publish. */
  severity: Fault['result'];
}

/** What is wrong with a topic to which the courier publishes. */
export const faultOfTopic = (
  name: string,
  may: boolean | undefined,
  { what, effect = '', severity }: TopicUse,
  runtime: string | undefined,
): Fault[] => {
  const flags = flagsOf(name);
  if (may === undefined) {
    const detail = `It is unknown whether the courier can publish to ${name}.`;
    return [{ result: 'warned', detail, remedy: `gcloud pubsub topics get-iam-policy ${flags}` }];
  }
  if (may) return [];
  const detail = `${what} ${name} does not exist, or the courier is not allowed to publish to it (pubsub.topics.publish).`;
  return [
    {
      result: severity,
      detail: effect === '' ? detail : `${detail} ${effect}`,
      remedy: `gcloud pubsub topics create ${flags}; gcloud pubsub topics add-iam-policy-binding ${flags} --member=${memberOf(runtime)} --role=roles/pubsub.publisher`,
    },
  ];
};
