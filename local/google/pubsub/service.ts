import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import type { GoogleCall, GoogleErrorBody, GoogleService, Grant, ServiceContext } from '../google-service.ts';
import { errorInfo } from '../http/api-error.ts';
import { type Subscription, type SubscriptionInput, subscriptionOf } from './subscriptions.ts';

/** A published message. */
interface PublishedMessage {
  topic: string;
  messageId: string;
  publishTime: string;
  attributes: Record<string, string>;
  data: Buffer;
  orderingKey: string | undefined;
  /** The email of the publisher. */
  publisher: string;
}

/** `projects.topics`' publish and testIamPermissions, `projects.subscriptions`' get: the real push path is driven by Google's own emulator (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish). */
export interface PubsubService extends GoogleService {
  createTopic(name: string, publishers: string[]): void;
  /** @throws when Pub/Sub would reject it */
  createSubscription(subscription: SubscriptionInput, viewers?: readonly string[]): void;
  readonly published: readonly PublishedMessage[];
}

const PUBLISH = 'pubsub.topics.publish';
/** "Permissions with wildcards (such as * or storage.*) are not allowed." */
const permissionsSchema = z.strictObject({ permissions: z.array(z.string().regex(/^[\w.]+$/)) });

const MAX_BYTES = 10_000_000;

/** https://cloud.google.com/pubsub/quotas#resource_limits: 100 attributes, keys of 256 bytes, values of 1,024 bytes, ordering keys of 1 KB. */
const publishSchema = z.strictObject({
  messages: z
    .array(
      z
        .strictObject({
          data: z.base64().optional(),
          attributes: z.record(z.string().min(1), z.string()).optional(),
          orderingKey: z.string().max(1024).optional(),
        })
        .refine(
          ({ data, attributes }) => Boolean(data) || Object.keys(attributes ?? {}).length > 0,
          'Some messages in the PublishRequest are invalid: a message needs data or attributes.',
        )
        .refine(
          ({ attributes = {} }) => Object.keys(attributes).length <= 100,
          'A message has more than 100 attributes.',
        )
        .refine(
          ({ attributes = {} }) =>
            Object.entries(attributes).every(
              ([key, value]) =>
                Buffer.byteLength(key) <= 256 && Buffer.byteLength(value) <= 1024 && !key.startsWith('goog'),
            ),
          'An attribute is too long, or its key begins with "goog".',
        ),
    )
    .min(1)
    .max(1000),
});

const answerJson = ({ response }: GoogleCall, status: number, body: unknown): true => {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' });
  response.end(JSON.stringify(body));
  return true;
};

const refuse = (call: GoogleCall, code: number, status: string, message: string, details?: unknown[]): true => {
  const body: GoogleErrorBody = { error: { code, message, status, details } };
  return answerJson(call, code, body);
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const createPubsubService = ({
  now,
  tokens,
  isApiEnabled,
  isAllowedOnProject,
}: ServiceContext): PubsubService => {
  const topics = new Map<string, string[]>();
  const subscriptions = new Map<string, Subscription>();
  const published: PublishedMessage[] = [];

  /** The caller, if the token is valid for Pub/Sub. Otherwise the error answer is sent. */
  const admit = (call: GoogleCall): Grant | undefined => {
    const grant = tokens.find(/^Bearer (.+)$/i.exec(call.request.headers.authorization ?? '')?.[1] ?? '');
    if (grant === undefined) {
      refuse(call, 401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.');
      return undefined;
    }
    if (!grant.scopes.some((scope) => /\/auth\/(pubsub|cloud-platform)$/.test(scope))) {
      refuse(call, 403, 'PERMISSION_DENIED', 'Request had insufficient authentication scopes.');
      return undefined;
    }
    if (!isApiEnabled(grant.project, 'pubsub.googleapis.com')) {
      const why = `Cloud Pub/Sub API has not been used in project ${grant.project} before or it is disabled.`;
      // The example of google/api/error_reason.proto is this very error.
      const metadata = { consumer: `projects/${grant.project}`, service: 'pubsub.googleapis.com' };
      refuse(call, 403, 'PERMISSION_DENIED', why, [errorInfo('SERVICE_DISABLED', 'googleapis.com', metadata)]);
      return undefined;
    }
    return grant;
  };

  /** "If the resource does not exist, this will return an empty set of permissions" (…/projects.topics/testIamPermissions). */
  const testPermissions = async (call: GoogleCall, topic: string): Promise<true> => {
    const grant = admit(call);
    if (grant === undefined) return true;
    const parsed = permissionsSchema.safeParse(parseJson((await buffer(call.request)).toString()));
    if (!parsed.success) return refuse(call, 400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.');
    const held = topics.get(topic)?.includes(grant.email)
      ? parsed.data.permissions.filter((each) => each === PUBLISH)
      : [];
    return answerJson(call, 200, held.length === 0 ? {} : { permissions: held });
  };

  const publish = async (call: GoogleCall, topic: string): Promise<true> => {
    const grant = admit(call);
    if (grant === undefined) return true;
    const publishers = topics.get(topic);
    if (publishers === undefined)
      return refuse(call, 404, 'NOT_FOUND', `Resource not found (resource=${topic.split('/').at(-1)}).`);
    if (!publishers.includes(grant.email)) {
      return refuse(call, 403, 'PERMISSION_DENIED', `User not authorized to perform this action.`);
    }
    const body = await buffer(call.request);
    if (body.byteLength > MAX_BYTES * 1.4)
      return refuse(call, 400, 'INVALID_ARGUMENT', 'Request payload size exceeds the limit.');
    const parsed = publishSchema.safeParse(parseJson(body.toString()));
    if (!parsed.success)
      return refuse(call, 400, 'INVALID_ARGUMENT', parsed.error.issues[0]?.message ?? 'Invalid JSON payload received.');
    const messageIds = parsed.data.messages.map(({ data = '', attributes = {}, orderingKey }) => {
      const messageId = String(10_000_000_000 + published.length);
      published.push({
        topic,
        messageId,
        publishTime: new Date(now()).toISOString(),
        attributes,
        data: Buffer.from(data, 'base64'),
        orderingKey,
        publisher: grant.email,
      });
      return messageId;
    });
    return answerJson(call, 200, { messageIds });
  };

  /**
   * A caller who may not list the project's subscriptions does not learn which of them exist: since May 2020 the answer
   * is 403 instead of 404 (GoogleCloudPlatform/spring-cloud-gcp#2385).
   */
  const getSubscription = (call: GoogleCall, name: string): true => {
    const grant = admit(call);
    if (grant === undefined) return true;
    const project = name.split('/')[1] ?? '';
    const found = subscriptions.get(name);
    if (found === undefined && isAllowedOnProject(grant, project, 'pubsub.subscriptions.list'))
      return refuse(call, 404, 'NOT_FOUND', `Resource not found (resource=${name.split('/').at(-1)}).`);
    const mayGet =
      found?.viewers.includes(grant.email) || isAllowedOnProject(grant, project, 'pubsub.subscriptions.get');
    if (found === undefined || !mayGet)
      return refuse(call, 403, 'PERMISSION_DENIED', 'User not authorized to perform this action.');
    return answerJson(call, 200, found.resource);
  };

  return {
    name: 'pubsub',
    hosts: ['pubsub.googleapis.com'],
    createTopic: (name, publishers) => void topics.set(name, publishers),
    createSubscription: (subscription, viewers = []) =>
      void subscriptions.set(subscription.name, subscriptionOf(subscription, viewers)),
    published,
    async handle(call) {
      const [, topic, verb] = /^\/v1\/(projects\/[^/]+\/topics\/[^/:]+):(\w+)$/.exec(call.url.pathname) ?? [];
      if (topic !== undefined && call.method === 'POST') {
        if (verb === 'publish') return publish(call, topic);
        if (verb === 'testIamPermissions') return testPermissions(call, topic);
      }
      const [, subscription] = /^\/v1\/(projects\/[^/]+\/subscriptions\/[^/:]+)$/.exec(call.url.pathname) ?? [];
      if (subscription !== undefined && call.method === 'GET')
        return getSubscription(call, decodeURIComponent(subscription));
      if (!call.url.pathname.startsWith('/v1/projects/')) return false;
      return refuse(call, 501, 'UNIMPLEMENTED', `${call.method} ${call.url.pathname} of Pub/Sub is not implemented.`);
    },
  };
};
