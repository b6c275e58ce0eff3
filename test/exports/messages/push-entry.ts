import { afterAll, beforeAll, beforeEach, expect } from '@jest/globals';
import type { Delivery } from '../../../src/domain.ts';
import { CourierError } from '../../../src/errors.ts';
import { bytesSource } from '../../../src/exports/sources/inline.ts';
import type { ObjectName } from '../../../src/exports/sources/object-name.ts';
import type { PubsubMessage } from '../../../src/pubsub/message.ts';
import { type Entry, type FORMS, startEntry } from '../../support/http/http-forms.ts';
import { createEntryServices } from '../../support/http/http-services.ts';

export const SUBSCRIPTION = 'projects/my-proj/subscriptions/exports';
export const PUSHER = { sub: '200000000000000000002', email: 'pubsub-push@my-proj.iam.gserviceaccount.com' };

export interface Push {
  data?: string | Uint8Array;
  attributes?: Record<string, string>;
  subscription?: string;
  deliveryAttempt?: number;
  orderingKey?: string;
}

export const wrap = ({ data = '', attributes, subscription = SUBSCRIPTION, orderingKey, ...rest }: Push): string =>
  JSON.stringify({
    message: {
      data: Buffer.from(data).toString('base64'),
      messageId: '136969346945',
      message_id: '136969346945',
      publishTime: '2026-11-24T12:00:00.000Z',
      publish_time: '2026-11-24T12:00:00.000Z',
      ...(attributes === undefined ? {} : { attributes }),
      ...(orderingKey === undefined ? {} : { orderingKey }),
    },
    subscription,
    ...rest,
  });

interface PushState {
  dead: { message: PubsubMessage; reason: CourierError }[];
  /** The names of secrets that have a new version. */
  rotated: string[];
  opened: ObjectName[];
  /** Thrown instead of the next delivery. */
  failure: CourierError | undefined;
  deadLetterFailure: CourierError | undefined;
}

/** A courier that receives pushes and stores nothing. Call it in a `describe`; each test begins with an empty state. */
export const createPushEntry = (form: (typeof FORMS)[number]) => {
  let entry: Entry;
  const state: PushState = { dead: [], rotated: [], opened: [], failure: undefined, deadLetterFailure: undefined };

  const services = createEntryServices();
  beforeAll(async () => {
    entry = await startEntry(form, {
      services: {
        async authenticatePush(headers) {
          if (headers.get('authorization') !== 'Bearer push') throw new CourierError('token-invalid');
          return PUSHER;
        },
        mayPush: (caller, subscription) =>
          caller.sub === PUSHER.sub && subscription === SUBSCRIPTION
            ? { destinations: ['reports', 'archive'], sources: ['gs://reports/'] }
            : undefined,
        async openObject(name) {
          state.opened.push(name);
          const { bucket, object, generation = '7' } = name;
          if (bucket !== 'reports') throw new CourierError('source-not-found');
          return {
            ...bytesSource(Buffer.from('x'), 'text/csv'),
            name: object,
            identity: `gs://${bucket}/${object}#${generation}`,
          };
        },
        async deadLetter(message, reason) {
          if (state.deadLetterFailure !== undefined) throw state.deadLetterFailure;
          state.dead.push({ message, reason });
          return true;
        },
        secretRotated: (secret) => void state.rotated.push(secret),
        async deliver(delivery: Delivery) {
          if (state.failure !== undefined) throw state.failure;
          const receipt = await services.deliver(delivery);
          entry.services.delivered.push(...services.delivered.splice(0));
          return receipt;
        },
      },
    });
  });
  afterAll(() => entry.close());
  beforeEach(() => {
    Object.assign(state, { dead: [], rotated: [], opened: [], failure: undefined, deadLetterFailure: undefined });
    entry.services.delivered.length = 0;
    entry.services.log.lines.length = 0;
  });

  const send = (body: string, headers: Record<string, string | undefined> = {}) =>
    entry.send({
      target: '/v1/pubsub',
      headers: { authorization: 'Bearer push', 'content-type': 'application/json', ...headers },
      body,
    });
  const push = (message: Push) => send(wrap(message));
  /** A notification that this object was written. */
  const notify = (objectId: string) =>
    push({ attributes: { eventType: 'OBJECT_FINALIZE', bucketId: 'reports', objectId } });
  /** The only delivery since the last test. */
  const only = () => {
    expect(entry.services.delivered).toHaveLength(1);
    const [delivered] = entry.services.delivered;
    if (delivered === undefined) throw new Error('nothing was delivered');
    return delivered;
  };

  return { entry: () => entry, state, send, push, notify, only };
};
