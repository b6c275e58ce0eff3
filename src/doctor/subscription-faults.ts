import type { Config } from '../config/config.ts';
import { routeAt, urlsIn } from './own-urls.ts';
import type { Fault } from './report.ts';
import type { Subscription } from './subscription.ts';

const ROUTE = '/v1/pubsub';
/** "The maximum custom deadline you can specify is 600 seconds". */
const MAX_ACK_DEADLINE_SECONDS = 600;

/** What of the configuration a subscription must fit. */
type Expected = Pick<Config, 'audiences' | 'identity' | 'service' | 'limits' | 'pubsub'>;

/** A policy alone does nothing: "The Pub/Sub service account … must have permission to Publish() to this topic". */
const AND_ITS_RIGHTS = "; and let Pub/Sub's own account publish there, as docs/pubsub-and-buckets.md has it";

/** `NAME --project=PROJECT`. */
export const flagsOf = (name: string): string => {
  const [, project = 'PROJECT', , subscription = 'SUBSCRIPTION'] = name.split('/');
  return `${subscription} --project=${project}`;
};

/** gcloud's flags for what a subscription should be; the same for create and update. */
const flagsFor = (expected: Expected, name: string) => {
  const [own] = urlsIn(expected).filter(({ protocol }) => protocol === 'https:');
  const { subscriptions, deadLetterTopic = 'TOPIC' } = expected.pubsub;
  const audience = expected.audiences.find((each) => each.startsWith('https:')) ?? expected.audiences[0];
  const account = subscriptions[name]?.serviceAccount ?? 'SERVICE_ACCOUNT';
  return {
    push: `--push-endpoint=${own === undefined ? `URL${ROUTE}` : routeAt(own, ROUTE)} --push-auth-service-account=${account} --push-auth-token-audience=${audience}`,
    deadline: `--ack-deadline=${MAX_ACK_DEADLINE_SECONDS}`,
    deadLetters: `--dead-letter-topic=${deadLetterTopic} --max-delivery-attempts=20`,
    expiration: '--expiration-period=never',
  };
};

/** The command that makes it, where it is missing or of no use any more. */
export const creationOf = (expected: Expected, name: string): string => {
  const { push, deadline, deadLetters, expiration } = flagsFor(expected, name);
  return `gcloud pubsub subscriptions create ${flagsOf(name)} --topic=TOPIC ${push} ${deadline} ${expiration} ${deadLetters}${AND_ITS_RIGHTS}`;
};

/**
 * What follows the service's name and a hyphen in the two addresses that Cloud Run gives it: "PROJECT_NUMBER.REGION.run.app",
 * and before that "HASH-LETTERS.a.run.app". Names of other services may begin with this one's, and have a hyphen more.
 */
const CLOUD_RUNS = /^(?:\d+\.[a-z]+-[a-z]+\d+|[a-z0-9]+-[a-z]{2}\.a)\.run\.app$/;

/** A service may have more addresses than audiences. */
const isOwnHost = (expected: Expected, hostname: string): boolean => {
  const known = urlsIn(expected).map((url) => url.hostname);
  if (known.length === 0 || known.includes(hostname)) return true;
  const name = `${expected.service}-`;
  return expected.service !== undefined && hostname.startsWith(name) && CLOUD_RUNS.test(hostname.slice(name.length));
};

interface Wrong {
  result: Fault['result'];
  what: string;
  /** What sets it right. */
  flag?: string;
}

const wrong = (result: Fault['result'], what: string, flag?: string): Wrong[] => [
  { result, what, ...(flag === undefined ? {} : { flag }) },
];

/** Where it pushes to. */
const wrongEndpoint = (expected: Expected, endpoint: string, push: string): Wrong[] => {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url?.pathname.endsWith(ROUTE)) return wrong('failed', `pushes to ${endpoint}, and not to ${ROUTE}`, push);
  if (isOwnHost(expected, url.hostname)) return [];
  return wrong('warned', `pushes to ${url.hostname}, which none of "audiences" names`, push);
};

/** By what right it pushes: the tokens are held to the same when they come. */
const wrongToken = (expected: Expected, name: string, { pushConfig }: Subscription, push: string): Wrong[] => {
  const { oidcToken, pushEndpoint } = pushConfig;
  if (oidcToken === undefined) return wrong('failed', 'pushes without a token, which is refused', push);
  const account = expected.pubsub.subscriptions[name]?.serviceAccount;
  // "Note: if not specified, the Push endpoint URL will be used."
  const audience = oidcToken.audience === '' ? pushEndpoint : oidcToken.audience;
  return [
    ...(oidcToken.serviceAccountEmail === account
      ? []
      : wrong('failed', `pushes as ${oidcToken.serviceAccountEmail}, not as ${account}`, push)),
    // Behind IAP the audience is the proxy's business.
    ...(expected.identity === 'iap' || expected.audiences.includes(audience)
      ? []
      : wrong('failed', `makes tokens for ${audience}, which is none of "audiences"`, push)),
  ];
};

const days = (ttl: string): number => Math.round(Number(ttl.replace(/s$/, '')) / 86_400);

/** All that is not as the courier needs it, in the order in which a message would meet it. */
const wrongsOf = (expected: Expected, name: string, subscription: Subscription): Wrong[] => {
  const { pushConfig, ackDeadlineSeconds, deadLetterPolicy, expirationPolicy, state } = subscription;
  const { push, deadline, deadLetters, expiration } = flagsFor(expected, name);
  const neededSeconds = Math.min(expected.limits.requestSeconds, MAX_ACK_DEADLINE_SECONDS);
  return [
    ...(pushConfig.pushEndpoint === ''
      ? wrong('failed', 'does not push', push)
      : [...wrongEndpoint(expected, pushConfig.pushEndpoint, push), ...wrongToken(expected, name, subscription, push)]),
    ...(pushConfig.noWrapper === undefined
      ? []
      : wrong(
          'failed',
          'pushes without the wrapper that names message and subscription',
          '--clear-push-no-wrapper-config',
        )),
    ...(state === 'ACTIVE' ? [] : wrong('failed', `is in the state ${state}`)),
    ...(ackDeadlineSeconds >= neededSeconds
      ? []
      : wrong('warned', `waits ${ackDeadlineSeconds} s for an answer that may take ${neededSeconds} s`, deadline)),
    ...(deadLetterPolicy === undefined
      ? wrong('warned', 'has no dead-letter policy, so what always fails comes again until it is too old', deadLetters)
      : []),
    ...(expirationPolicy.ttl === undefined
      ? []
      : wrong('warned', `is deleted when it was not used for ${days(expirationPolicy.ttl)} days`, expiration)),
  ];
};

/** What is wrong with a subscription, and the one command that mends it; undefined where nothing is. */
export const faultOf = (expected: Expected, name: string, subscription: Subscription): Fault | undefined => {
  // Nothing brings it back to its topic.
  if (subscription.detached || subscription.topic === '_deleted-topic_') {
    const why = subscription.detached
      ? 'it was detached from its topic'
      : 'its topic was deleted. What still waits in it is lost with it, so let that be delivered before you delete it';
    return {
      result: 'failed',
      detail: `${name} gets no messages any more: ${why}.`,
      remedy: `gcloud pubsub subscriptions delete ${flagsOf(name)}; ${creationOf(expected, name)}`,
    };
  }
  const wrongs = wrongsOf(expected, name, subscription);
  if (wrongs.length === 0) return undefined;
  const { deadLetterPolicy } = subscription;
  const flags = new Set(wrongs.flatMap(({ flag }) => flag ?? []));
  return {
    result: wrongs.some(({ result }) => result === 'failed') ? 'failed' : 'warned',
    detail: `${name} ${wrongs.map(({ what }) => what).join('; it ')}.`,
    remedy:
      flags.size === 0
        ? `gcloud pubsub subscriptions describe ${flagsOf(name)}`
        : `gcloud pubsub subscriptions update ${flagsOf(name)} ${[...flags].join(' ')}${deadLetterPolicy === undefined ? AND_ITS_RIGHTS : ''}`,
  };
};
