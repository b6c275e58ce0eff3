import type { Config } from '../../config/config.ts';
import { routeAt, urlsIn } from '../own-service/urls.ts';
import type { Fault } from '../report.ts';
import type { Subscription } from './state.ts';

const ROUTE = '/v1/pubsub';
/** "The maximum custom deadline you can specify is 600 seconds". */
const MAX_ACK_DEADLINE_SECONDS = 600;

/** The parts of the configuration that a subscription must match. */
type Expected = Pick<Config, 'audiences' | 'identity' | 'service' | 'limits' | 'pubsub'>;

/** The policy alone is not enough: "The Pub/Sub service account … must have permission to Publish() to this topic". */
const AND_ITS_PERMISSION = "; and allow Pub/Sub's own account to publish there (see docs/pubsub-and-buckets.md)";

/** `NAME --project=PROJECT`. */
export const flagsOf = (name: string): string => {
  const [, project = 'PROJECT', , subscription = 'SUBSCRIPTION'] = name.split('/');
  return `${subscription} --project=${project}`;
};

/** gcloud's flags for the settings that a subscription should have; the same for create and update. */
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

/** The command that creates a subscription which is missing or unusable. */
export const creationOf = (expected: Expected, name: string): string => {
  const { push, deadline, deadLetters, expiration } = flagsFor(expected, name);
  return `gcloud pubsub subscriptions create ${flagsOf(name)} --topic=TOPIC ${push} ${deadline} ${expiration} ${deadLetters}${AND_ITS_PERMISSION}`;
};

/**
 * What follows the service's name and a hyphen in its two Cloud Run URLs: "PROJECT_NUMBER.REGION.run.app" and the older
 * "HASH-LETTERS.a.run.app". The name of another service may begin with this name and a hyphen.
 */
const CLOUD_RUNS = /^(?:\d+\.[a-z]+-[a-z]+\d+|[a-z0-9]+-[a-z]{2}\.a)\.run\.app$/;

/** A service may have more URLs than audiences. */
const isOwnHost = (expected: Expected, hostname: string): boolean => {
  const known = urlsIn(expected).map((url) => url.hostname);
  if (known.length === 0 || known.includes(hostname)) return true;
  const name = `${expected.service}-`;
  return expected.service !== undefined && hostname.startsWith(name) && CLOUD_RUNS.test(hostname.slice(name.length));
};

interface Mismatch {
  result: Fault['result'];
  what: string;
  /** The flag that corrects it. */
  flag?: string | undefined;
}

const mismatch = (result: Fault['result'], what: string, flag?: string): Mismatch[] => [{ result, what, flag }];

/** Where it pushes to. */
const endpointMismatch = (expected: Expected, endpoint: string, push: string): Mismatch[] => {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url?.pathname.endsWith(ROUTE)) return mismatch('failed', `pushes to ${endpoint} instead of ${ROUTE}`, push);
  if (isOwnHost(expected, url.hostname)) return [];
  return mismatch('warned', `pushes to ${url.hostname}, which is not in "audiences"`, push);
};

/** Whether its tokens would be accepted. */
const tokenMismatch = (expected: Expected, name: string, { pushConfig }: Subscription, push: string): Mismatch[] => {
  const { oidcToken, pushEndpoint } = pushConfig;
  if (oidcToken === undefined) return mismatch('failed', 'pushes without a token, which the courier rejects', push);
  const account = expected.pubsub.subscriptions[name]?.serviceAccount;
  // "Note: if not specified, the Push endpoint URL will be used."
  const audience = oidcToken.audience === '' ? pushEndpoint : oidcToken.audience;
  return [
    ...(oidcToken.serviceAccountEmail === account
      ? []
      : mismatch('failed', `pushes as ${oidcToken.serviceAccountEmail} instead of ${account}`, push)),
    // Behind IAP, the proxy checks the audience.
    ...(expected.identity === 'iap' || expected.audiences.includes(audience)
      ? []
      : mismatch('failed', `makes tokens for ${audience}, which is not in "audiences"`, push)),
  ];
};

const days = (ttl: string): number => Math.round(Number(ttl.replace(/s$/, '')) / 86_400);

/** All settings that don't match, in the order in which they affect a message. */
const mismatchesOf = (expected: Expected, name: string, subscription: Subscription): Mismatch[] => {
  const { pushConfig, ackDeadlineSeconds, deadLetterPolicy, expirationPolicy, state } = subscription;
  const { push, deadline, deadLetters, expiration } = flagsFor(expected, name);
  const neededSeconds = Math.min(expected.limits.requestSeconds, MAX_ACK_DEADLINE_SECONDS);
  return [
    ...(pushConfig.pushEndpoint === ''
      ? mismatch('failed', 'does not push', push)
      : [
          ...endpointMismatch(expected, pushConfig.pushEndpoint, push),
          ...tokenMismatch(expected, name, subscription, push),
        ]),
    ...(pushConfig.noWrapper === undefined
      ? []
      : mismatch(
          'failed',
          'pushes without the wrapper that contains the message id and the subscription',
          '--clear-push-no-wrapper-config',
        )),
    ...(state === 'ACTIVE' ? [] : mismatch('failed', `is in the state ${state}`)),
    ...(ackDeadlineSeconds >= neededSeconds
      ? []
      : mismatch(
          'warned',
          `has an acknowledgement deadline of ${ackDeadlineSeconds} s, but a delivery may take ${neededSeconds} s`,
          deadline,
        )),
    ...(deadLetterPolicy === undefined
      ? mismatch(
          'warned',
          'has no dead-letter policy, so a message that always fails is redelivered until it expires',
          deadLetters,
        )
      : []),
    ...(expirationPolicy.ttl === undefined
      ? []
      : mismatch('warned', `is deleted after ${days(expirationPolicy.ttl)} days without use`, expiration)),
  ];
};

/** What is wrong with a subscription, and the command that fixes it; undefined if nothing is. */
export const faultOf = (expected: Expected, name: string, subscription: Subscription): Fault | undefined => {
  // A subscription cannot be attached to a topic again.
  if (subscription.detached || subscription.topic === '_deleted-topic_') {
    const why = subscription.detached
      ? 'it was detached from its topic'
      : 'its topic was deleted. Messages that it still holds are lost when you delete it, so wait until they are delivered';
    return {
      result: 'failed',
      detail: `${name} no longer receives messages: ${why}.`,
      remedy: `gcloud pubsub subscriptions delete ${flagsOf(name)}; ${creationOf(expected, name)}`,
    };
  }
  const mismatches = mismatchesOf(expected, name, subscription);
  if (mismatches.length === 0) return undefined;
  const { deadLetterPolicy } = subscription;
  const flags = new Set(mismatches.flatMap(({ flag }) => flag ?? []));
  return {
    result: mismatches.some(({ result }) => result === 'failed') ? 'failed' : 'warned',
    detail: `${name} ${mismatches.map(({ what }) => what).join('; it ')}.`,
    remedy:
      flags.size === 0
        ? `gcloud pubsub subscriptions describe ${flagsOf(name)}`
        : `gcloud pubsub subscriptions update ${flagsOf(name)} ${[...flags].join(' ')}${deadLetterPolicy === undefined ? AND_ITS_PERMISSION : ''}`,
  };
};
