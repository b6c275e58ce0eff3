/** Checks that do not pass in many setups, with the reason why that is expected. */

export const NOT_ASKED = { probe: { result: 'skipped', detail: /--write/ } } as const;
export const NOT_ON_CLOUD_RUN = {
  invoker: { result: 'skipped', detail: /identity: id-token.*checks signatures itself/ },
} as const;
const NO_SUBSCRIPTIONS = { subscriptions: { result: 'skipped', detail: /No subscription/ } } as const;
export const NO_PUBSUB = {
  ...NOT_ON_CLOUD_RUN,
  ...NO_SUBSCRIPTIONS,
  pubsub: { result: 'skipped', detail: /No subscription/ },
} as const;
export const EVENTS = { ...NOT_ASKED, ...NOT_ON_CLOUD_RUN, ...NO_SUBSCRIPTIONS };
export const QUIET = { ...NOT_ASKED, ...NO_PUBSUB };
export const NO_KEY = {
  secret: { result: 'skipped', detail: /No key/ },
  key: { result: 'skipped', detail: /No key/ },
} as const;

export const SHARE =
  /Share the folder https:\/\/drive\.google\.com\/drive\/folders\/[\w-]+ with courier@local-project\.iam\.gserviceaccount\.com as Content manager/;
