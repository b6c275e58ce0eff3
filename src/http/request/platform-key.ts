import { CourierError } from '../../errors.ts';

/** Whose headers an idempotency key may be made of: `?keyFrom=`. */
export const KEY_SOURCES = ['cloud-scheduler', 'cloud-tasks'] as const;
type KeySource = (typeof KEY_SOURCES)[number];

const MAX_KEY = 255;

const invalid = (detail: string, remedy?: string): CourierError =>
  new CourierError('request-invalid', { detail, remedy });

/** What each sends with every attempt of one occasion, and what only tells whose it is. */
const HEADERS = {
  // https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget: the time the job was
  // scheduled for, so that retries have the same one; two jobs of one account may be due at the same time.
  'cloud-scheduler': {
    who: 'Cloud Scheduler',
    scope: 'X-CloudScheduler-JobName',
    occasion: 'X-CloudScheduler-ScheduleTime',
  },
  // https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler: the task's own name, unique in its queue.
  'cloud-tasks': { who: 'Cloud Tasks', scope: 'X-CloudTasks-QueueName', occasion: 'X-CloudTasks-TaskName' },
} as const;

const isKeySource = (text: string): text is KeySource => (KEY_SOURCES as readonly string[]).includes(text);

/** The key that a platform's headers stand for. @throws CourierError `request-invalid` */
const platformKey = (source: string, headers: Headers): string => {
  if (!isKeySource(source)) throw invalid(`keyFrom must be one of ${KEY_SOURCES.join(', ')}.`);
  const { who, scope, occasion } = HEADERS[source];
  const value = headers.get(occasion)?.trim() ?? '';
  if (value === '') {
    throw invalid(
      `keyFrom=${source} needs the header ${occasion}, which ${who} sends.`,
      'Send an Idempotency-Key instead of keyFrom.',
    );
  }
  const key = `${source}/${headers.get(scope)?.trim() ?? ''}/${value}`;
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > MAX_KEY) {
    throw invalid(`${scope} and ${occasion} make no key of at most ${MAX_KEY} visible ASCII characters.`);
  }
  return key;
};

/**
 * The idempotency key of a request: its own, or the one that `?keyFrom=` asks for.
 * @param own the header `Idempotency-Key`
 * @returns the key, and the query without `keyFrom`
 * @throws CourierError `request-invalid`
 */
export const keyOfRequest = (
  own: string | undefined,
  query: readonly [string, string][],
  headers: Headers,
): { idempotencyKey: string | undefined; query: [string, string][] } => {
  const rest = query.filter(([name]) => name !== 'keyFrom');
  const [source, ...more] = query.filter(([name]) => name === 'keyFrom').map(([, value]) => value);
  if (more.length > 0) throw invalid('"keyFrom" is given twice.');
  if (source === undefined) return { idempotencyKey: own, query: rest };
  const made = platformKey(source, headers);
  if (own !== undefined && own !== made) {
    throw invalid('The request has both an Idempotency-Key and keyFrom.', 'Send one of the two.');
  }
  return { idempotencyKey: made, query: rest };
};
