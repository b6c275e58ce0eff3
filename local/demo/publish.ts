import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalGoogle } from '../google/server.ts';
import { SUBSCRIPTION } from '../google/world/names.ts';
import { AUDIENCE, TOPIC } from './config.ts';
import { startPubsubEmulator } from './pubsub-emulator.ts';
import { pushMessage } from './push.ts';
import { startSigningRelay } from './signing-relay.ts';

/** How long the emulator may take to start, and then until all its pushes are answered. */
const START_MS = 15_000;
const PUSH_MS = 15_000;
const POLL_MS = 50;

interface Publication {
  courierUrl: string;
  document: object;
  /** How many times to publish it. */
  times: number;
}

interface Published {
  /** What pushed the messages, in words. */
  publisher: string;
  /** The courier's answer to each push. */
  statuses: number[];
}

/** The ID of a topic or subscription: the last segment of its resource name. */
const idOf = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

/**
 * Publishes to Google's Pub/Sub emulator, which pushes to the courier. The emulator sends no ID token, so a relay adds it.
 * @throws when the emulator does not push in time
 */
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
      if (Date.now() > endMs) throw new Error('the Pub/Sub emulator did not push in time');
    }
    return { publisher: "Google's Pub/Sub emulator", statuses: statuses() };
  } finally {
    await emulator.stop();
    await relay.close();
  }
};

const withSignedPushes = async (
  google: LocalGoogle,
  { courierUrl, document, times }: Publication,
): Promise<Published> => {
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
  return { publisher: 'the demo itself, with signed push requests', statuses };
};

/**
 * Publishes an export document through Google's Pub/Sub emulator. Without the emulator it prints why, and sends push requests
 * that are signed as Pub/Sub signs them.
 */
export const publishExport = async (google: LocalGoogle, publication: Publication): Promise<Published> => {
  const published = await throughEmulator(google, publication).catch((error: unknown) => ({
    missing: error instanceof Error ? error.message : String(error),
  }));
  if (!('missing' in published)) return published;
  console.warn(`   Not using Google's Pub/Sub emulator: ${published.missing}. Sending signed push requests instead.`);
  return withSignedPushes(google, publication);
};
