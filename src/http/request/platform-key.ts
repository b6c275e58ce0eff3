import { CourierError } from '../../errors.ts';

/** The values of `?keyFrom=`: the services whose request headers can provide an idempotency key. */
export const KEY_SOURCES = ['cloud-scheduler', 'cloud-tasks'] as const;
type KeySource = (typeof KEY_SOURCES)[number];

const MAX_KEY = 255;

const invalid = (detail: string, remedy?: string): CourierError =>
  new CourierError('request-invalid', { detail, remedy });

/**
 * For each service, the header that is the same for every retry of one job or task, and the header with its job or
 * queue.
 */
const HEADERS = {
  // https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget: the scheduled time of
  // the job, which is the same for all retries. Two jobs of one account may have the same scheduled time.
  'cloud-scheduler': {
    service: 'Cloud Scheduler',
    scope: 'X-CloudScheduler-JobName',
    occasion: 'X-CloudScheduler-ScheduleTime',
  },
  // https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler: the name of the task, which is unique in
  // its queue.
  'cloud-tasks': { service: 'Cloud Tasks', scope: 'X-CloudTasks-QueueName', occasion: 'X-CloudTasks-TaskName' },
} as const;

const isKeySource = (text: string): text is KeySource => (KEY_SOURCES as readonly string[]).includes(text);

/** Builds the idempotency key from the headers of a service. @throws CourierError `request-invalid` */
const platformKey = (source: string, headers: Headers): string => {
  if (!isKeySource(source)) throw invalid(`keyFrom must be one of ${KEY_SOURCES.join(', ')}.`);
  const { service, scope, occasion } = HEADERS[source];
  const value = headers.get(occasion)?.trim() ?? '';
  if (value === '') {
    throw invalid(
      `keyFrom=${source} needs the header ${occasion}, which ${service} sends.`,
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
 * Returns the idempotency key of a request: its header, or the key that `?keyFrom=` selects.
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
