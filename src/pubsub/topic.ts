import type { Bearer } from '../bearer.ts';
import type { GoogleResponse, GoogleTransport } from '../google/transport.ts';

/** The bearer token is that of the runtime identity. */
export interface PublishDependencies extends Bearer {
  transport: GoogleTransport;
}

export const PUBSUB_URL = 'https://pubsub.googleapis.com/v1';

/**
 * Publishes messages to a topic (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish). The request
 * is retried if its response is lost, so a message may be published twice, but is never lost.
 * @param topic `projects/PROJECT/topics/NAME`
 * @param body JSON: `{ "messages": […] }`
 */
export const publishTo = (
  topic: string,
  body: Buffer,
  { transport, token, rejected }: PublishDependencies,
  signal?: AbortSignal,
): Promise<GoogleResponse> =>
  transport.send({
    operation: 'pubsub.topics.publish',
    method: 'POST',
    url: `${PUBSUB_URL}/${topic}:publish`,
    bearer: { token, rejected },
    headers: { 'content-type': 'application/json' },
    body,
    retry: 'idempotent',
    signal,
  });

/** What to do if a topic does not accept messages. */
export const TOPIC_REMEDY = 'Check that the topic exists, and grant {courier} roles/pubsub.publisher on {topic}.';
