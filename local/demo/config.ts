import type { LocalGoogle } from '../google/server.ts';
import { SUBSCRIPTION } from '../google/world/names.ts';
import { demoQueries } from './query.ts';

/** The audience of the demo's ID tokens. No request goes to this address. */
export const AUDIENCE = 'https://drive-courier.example';

export const TOPIC = 'projects/local-project/topics/exports';

/** The courier's configuration for the local Google, with a service account key in Secret Manager. */
export const demoConfig = ({ world, places, topic }: LocalGoogle): object => ({
  audiences: [AUDIENCE],
  operators: [world.emails.ops],
  destinations: {
    reports: {
      folder: places.sharedDrive,
      credentials: 'main',
      callers: [world.emails.exporter],
      share: [{ type: 'group', email: world.emails.sales, role: 'reader' }],
    },
  },
  credentials: { main: { secret: `${world.secret}/versions/latest` } },
  pubsub: {
    subscriptions: { [SUBSCRIPTION]: { serviceAccount: world.emails.pubsubPush, destinations: ['reports'] } },
    deadLetterTopic: topic,
  },
  queries: demoQueries({ world }),
});
