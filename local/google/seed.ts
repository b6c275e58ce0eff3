import type { PubsubService } from './pubsub/service.ts';
import type { StorageService } from './storage/service.ts';
import { EMAILS, PROJECT } from './world/names.ts';

/** Where exports lie that are to be put into Drive. */
export const BUCKET = 'local-exports';
/** Where messages go that could not be delivered. */
export const TOPIC = `projects/${PROJECT.id}/topics/exports-failed`;

const WORKERS = [EMAILS.runtime, EMAILS.courier, EMAILS.driveWriter];

/** The bucket and the topic of the default world; the exporter writes, the platform's identities read. */
export async function seedCloud(storage: StorageService, pubsub: PubsubService): Promise<void> {
  await storage.createBucket(BUCKET, { readers: [...WORKERS, EMAILS.ops], writers: [EMAILS.exporter, EMAILS.ops] });
  pubsub.createTopic(TOPIC, WORKERS);
}
