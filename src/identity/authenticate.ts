import type { Config } from '../config/config.ts';
import { type Caller, callerName } from '../domain.ts';
import { CourierError } from '../errors.ts';
import { bearerToken } from './bearer.ts';
import { CLOUD_RUN_IAM_TRUST, createCloudRunIam } from './cloud-run-iam.ts';
import { createIap } from './iap.ts';
import { createGoogleTokens, type IdentityOptions } from './id-token.ts';
import { createPushPolicy } from './push.ts';

export interface Authenticator {
  /** The caller of a request, from its headers alone. @throws CourierError 401 codes, `google-unavailable` */
  authenticate(headers: Headers): Promise<Caller>;
  /** The account behind a Pub/Sub push. @throws CourierError 401 codes, `caller-not-allowed`, `google-unavailable` */
  authenticatePush(headers: Headers): Promise<Caller>;
  /** Fetches Google's keys ahead of the first request. @throws CourierError `google-unavailable` */
  warmUp(): Promise<void>;
}

type AuthenticatorConfig = Pick<Config, 'identity' | 'audiences' | 'onCloudRun' | 'pubsub'>;
interface Means extends Omit<IdentityOptions, 'audiences'> {
  /** By the word of the metadata server. @throws CourierError `google-unavailable` */
  isCloudRun(): Promise<boolean>;
}

const NOT_CLOUD_RUN = 'identity: cloud-run-iam is id-token here: this is not Cloud Run';

/** The way of `identity:` in the configuration. */
const createMode = (
  { identity, audiences, onCloudRun }: AuthenticatorConfig,
  means: Means,
): Pick<Authenticator, 'authenticate' | 'warmUp'> => {
  const options = { ...means, audiences };
  if (identity === 'iap') return createIap(options);
  const tokens = createGoogleTokens(options);
  if (identity === 'id-token') {
    return { authenticate: async (headers) => tokens.verify(bearerToken(headers)), warmUp: tokens.warmUp };
  }
  const { log, now, isCloudRun } = means;
  if (onCloudRun) log.info({ identity }, CLOUD_RUN_IAM_TRUST);
  else log.warn({ identity }, `${NOT_CLOUD_RUN} (no K_SERVICE)`);
  const lookAhead = async (): Promise<void> => {
    if (!onCloudRun || (await isCloudRun())) return;
    log.warn({ identity }, `${NOT_CLOUD_RUN} (by its metadata server), though K_SERVICE is set`);
  };
  return {
    authenticate: createCloudRunIam({ tokens, audiences, isCloudRun, now }),
    async warmUp() {
      await Promise.all([tokens.warmUp(), lookAhead()]);
    },
  };
};

/**
 * Knows callers in the way that the configuration chose. One instance for the whole process: it holds Google's keys and
 * the tokens seen.
 */
export const createAuthenticator = (config: AuthenticatorConfig, means: Means): Authenticator => {
  const { authenticate, warmUp } = createMode(config, means);
  const { isPushAccount } = createPushPolicy(config.pubsub);
  return {
    authenticate,
    warmUp,
    async authenticatePush(headers) {
      const caller = await authenticate(headers);
      if (isPushAccount(caller)) return caller;
      throw new CourierError('caller-not-allowed', {
        detail: `You are ${callerName(caller)}, which is not the service account of any configured subscription.`,
        remedy: 'Ask the operator to set this account as "serviceAccount" of the subscription under "pubsub".',
      });
    },
  };
};
