import type { Config } from '../config/config.ts';
import { type Caller, callerName } from '../domain.ts';
import { CourierError } from '../errors.ts';
import { CLOUD_RUN_IAM_TRUST, createCloudRunIam } from './cloud-run-iam.ts';
import { createIap } from './iap.ts';
import { createGoogleTokens, type IdentityOptions } from './id-token.ts';
import { createPushPolicy } from './push.ts';
import { bearerToken } from './verifier.ts';

export interface Authenticator {
  /** The caller of a request, from its headers alone. @throws CourierError 401 codes, `google-unavailable` */
  authenticate(headers: Headers): Promise<Caller>;
  /** The account that sent a Pub/Sub push. @throws CourierError 401 codes, `caller-not-allowed`, `google-unavailable` */
  authenticatePush(headers: Headers): Promise<Caller>;
  /** Fetches Google's keys before the first request. @throws CourierError `google-unavailable` */
  warmUp(): Promise<void>;
}

type AuthenticatorConfig = Pick<Config, 'identity' | 'audiences' | 'onCloudRun' | 'pubsub'>;
interface Dependencies extends Omit<IdentityOptions, 'audiences'> {
  /** According to the metadata server. @throws CourierError `google-unavailable` */
  isCloudRun(): Promise<boolean>;
}

const NOT_CLOUD_RUN = '"identity: cloud-run-iam" works as "id-token", because this is not Cloud Run';

/** Identifies callers in the way that `identity:` in the configuration chooses. */
const createMode = (
  { identity, audiences, onCloudRun }: AuthenticatorConfig,
  dependencies: Dependencies,
): Pick<Authenticator, 'authenticate' | 'warmUp'> => {
  const options = { ...dependencies, audiences };
  if (identity === 'iap') return createIap(options);
  const tokens = createGoogleTokens(options);
  if (identity === 'id-token') {
    return { authenticate: async (headers) => tokens.verify(bearerToken(headers)), warmUp: tokens.warmUp };
  }
  const { log, wall, isCloudRun } = dependencies;
  if (onCloudRun) log.info({ identity }, CLOUD_RUN_IAM_TRUST);
  else log.warn({ identity }, `${NOT_CLOUD_RUN} (K_SERVICE is not set)`);
  const warnIfNotCloudRun = async (): Promise<void> => {
    if (!onCloudRun || (await isCloudRun())) return;
    log.warn({ identity }, `${NOT_CLOUD_RUN} according to the metadata server, although K_SERVICE is set`);
  };
  return {
    authenticate: createCloudRunIam({ tokens, audiences, isCloudRun, wall }),
    async warmUp() {
      await Promise.all([tokens.warmUp(), warnIfNotCloudRun()]);
    },
  };
};

/**
 * Identifies callers as configured. There is one instance per process, which caches Google's keys and verified tokens.
 */
export const createAuthenticator = (config: AuthenticatorConfig, dependencies: Dependencies): Authenticator => {
  const { authenticate, warmUp } = createMode(config, dependencies);
  const { isPushAccount } = createPushPolicy(config.pubsub);
  return {
    authenticate,
    warmUp,
    async authenticatePush(headers) {
      const caller = await authenticate(headers);
      if (isPushAccount(caller)) return caller;
      throw new CourierError('caller-not-allowed', {
        reason: 'push-account-unknown',
        detail: `You are ${callerName(caller)}, which is not the service account of any configured subscription.`,
        remedy: 'Ask the operator to set this account as "serviceAccount" of the subscription under "pubsub".',
      });
    },
  };
};
