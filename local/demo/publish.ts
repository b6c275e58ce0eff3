import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalGoogle } from '../google/server.ts';
import { AUDIENCE, SUBSCRIPTION, TOPIC } from './config.ts';
import { startPubsubEmulator } from './pubsub-emulator.ts';
import { pushMessage } from './push.ts';
import { startSigningRelay } from './signing-relay.ts';

/** Milliseconds for the emulator to start, and then for its pushes to be answered. */
const START_MS = 15_000;
const PUSH_MS = 15_000;
const POLL_MS = 50;

/** Where the courier takes pushes, and the export document that comes there. */
interface Publication {
  courierUrl: string;
  document: object;
  /** How often it is published. */
  times: number;
}

interface Published {
  /** How it came to the courier, for a person to read. */
  by: string;
  /** What the courier answered to each. */
  statuses: number[];
}

/** The last path segment, which is what gcloud calls a topic's or subscription's id. */
const idOf = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

/** Publishes to Google's own emulator, which pushes; a relay adds the token that the emulator has not. @throws when it does not come to pass in time */
const throughEmulator = async (
  google: LocalGoogle,
  { courierUrl, document, times }: Publication,
): Promise<Published | { missing: string }> => {
  const emulator = await startPubsubEmulator(START_MS);
  if ('missing' in emulator) return emulator;
  const relay = await startSigningRelay({
    target: () => `${courierUrl}/v1/pubsub`,
    token: () => google.world.idToken({ email: google.world.emails.pubsubPush, audience: AUDIENCE }),
  });
  try {
    await emulator.subscribe(idOf(TOPIC), idOf(SUBSCRIPTION), relay.url);
    const message = { data: JSON.stringify(document) };
    const ids = await emulator.publish(
      idOf(TOPIC),
      Array.from({ length: times }, () => message),
    );
    const statuses = (): number[] =>
      ids.flatMap((id) => relay.pushes.find(({ messageId }) => messageId === id)?.status ?? []);
    for (const endMs = Date.now() + PUSH_MS; statuses().length < times; await sleep(POLL_MS)) {
      if (Date.now() > endMs) throw new Error('the Pub/Sub emulator has not pushed in time');
    }
    return { by: 'Google’s Pub/Sub emulator', statuses: statuses() };
  } finally {
    await emulator.stop();
    await relay.close();
  }
};

const bySignedPush = async (google: LocalGoogle, { courierUrl, document, times }: Publication): Promise<Published> => {
  const data = Buffer.from(JSON.stringify(document)).toString('base64');
  const statuses: number[] = [];
  for (let count = 1; count <= times; count++) {
    const push = {
      url: courierUrl,
      audience: AUDIENCE,
      subscription: SUBSCRIPTION,
      serviceAccount: google.world.emails.pubsubPush,
      message: { messageId: `900000000${count}`, data },
    };
    statuses.push(await pushMessage(google, push));
  }
  return { by: 'a signed push', statuses };
};

/** Brings an export document to the courier by Google's Pub/Sub emulator, or, where that cannot be had, by pushes as Pub/Sub signs them; and says so. */
export const publishExport = async (google: LocalGoogle, publication: Publication): Promise<Published> => {
  const published = await throughEmulator(google, publication).catch((error: unknown) => ({
    missing: error instanceof Error ? error.message : String(error),
  }));
  if (!('missing' in published)) return published;
  console.warn(`   NOT through Google's Pub/Sub emulator, because ${published.missing}: by a signed push instead.`);
  return bySignedPush(google, publication);
};
